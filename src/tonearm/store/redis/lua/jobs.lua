#!lua flags=no-writes
-- jobs: the next rows of one ordered index of jobs, by keyset.
-- needs: queue tasks snapshots
-- KEYS  1 meta
-- ARGV  1-3 time  4 index  5 'lex' or 'number'  6 'up' or 'down'  7 member (lex) or number to go on behind, '' from
--       the end  8 how many
-- Reply {reports, the place of the last row, how many were looked at, {number, snapshot}, …}; what has no record any
--       more is left out
-- Cost  O(log n + rows).

local BY = {
  lex = { up = 'ZRANGEBYLEX', down = 'ZREVRANGEBYLEX' },
  number = { up = 'ZRANGEBYSCORE', down = 'ZREVRANGEBYSCORE' },
}
local ENDS = { lex = { '-', '+' }, number = { '-inf', '+inf' } }

return queue.run(function()
  local name, kind, direction, behind = key(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
  local low, high = ENDS[kind][1], ENDS[kind][2]
  local first, last = low, high
  if direction == 'down' then
    first, last = high, low
  end
  if behind ~= '' then
    first = '(' .. behind
  end
  local members = call(BY[kind][direction], name, first, last, 'LIMIT', 0, tonumber(ARGV[8]))
  local reply = { snapshots.reports(), members[#members] or '', #members }
  for _, member in ipairs(members) do
    local seq = string.match(member, '(%d+)$')
    local seen = seq and snapshots.in_list(seq)
    if seen then
      reply[#reply + 1] = { seq, seen }
    end
  end
  return reply
end)
