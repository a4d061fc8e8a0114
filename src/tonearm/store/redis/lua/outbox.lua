#!lua flags=no-writes
-- outbox: what is still to be told, and the deliveries as people see them.
-- needs: queue deliveries
-- KEYS  1 meta
-- ARGV  1-3 time  4 what: pending | log  5 log: how many of those that wait, and of those that are over
-- Reply pending: {round, memory, listened to until, number of the last that was told, {notice, at}, …};
--       log: {how many wait, {name, value, …}, …}
-- Cost  O(log n), and a page of notices, or twice as many deliveries as asked for.

local looks = {}

function looks.pending()
  local kept = call('HMGET', META, 'notices_round', 'notices_memory', 'notices_until', 'notices_told')
  local reply = { kept[1] or '0', kept[2] or '', kept[3] or '0', kept[4] or '0' }
  local some = call('ZRANGE', key('notices'), 0, PAGE - 1, 'WITHSCORES')
  for place = 1, #some, 2 do
    reply[#reply + 1] = { some[place], some[place + 1] }
  end
  return reply
end

local SHOWN = { 'id', 'topic', 'shown', 'at', 'attempts', 'due_at', 'received', 'answer', 'place' }

function looks.log(limit)
  local reply = { str(call('ZCARD', key('deliveries'))) }
  for _, set in ipairs({ key('deliveries'), key('deliveries_over') }) do
    for _, place in ipairs(call('ZREVRANGE', set, 0, tonumber(limit) - 1)) do
      local kept, flat = call('HMGET', deliveries.name_of(place), unpack(SHOWN)), {}
      for at, value in ipairs(kept) do
        if value then
          flat[#flat + 1], flat[#flat + 2] = SHOWN[at], value
        end
      end
      reply[#reply + 1] = flat
    end
  end
  return reply
end

return queue.run(function()
  return looks[ARGV[4]](ARGV[5])
end)
