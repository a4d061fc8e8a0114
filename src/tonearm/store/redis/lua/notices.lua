#!lua flags=allow-oom
-- notices: have jobs that end leave notices, tell what they left, and send it as deliveries.
-- needs: queue deliveries
-- KEYS  1 meta
-- ARGV  1-3 time  4 what: listen | tell | take | settle
--       listen: 5 for how long, ms
--       tell: 5 '1' if it ends a round  6 which round  7 number of the last notice that is told  8 what to remember
--             9… id, target, shown, topic, body of each delivery
--       take: 5 how many at most  6 how long they are held, ms  7… targets
--       settle: 5 id  6 attempt  7 answer  8 '1' if it was received  9 when it is due again, ms from now, or ''
-- Reply listen, settle: {}; tell: {how many were dropped};
--       take: {next due, ms from now, or '', {id, target, topic, body, attempt}, …}
-- Cost  tell: at most a page of notices, O(log n) for each delivery, and as many dropped; take: O(targets + n).

local acts = {}

local FIELDS = 5

function acts.listen(ms)
  local heard_until = math.max(tonumber(call('HGET', META, 'notices_until')) or 0, queue.now + tonumber(ms))
  call('HSET', META, 'notices_until', str(heard_until))
  return {}
end

local function end_round(upto, memory)
  for _, notice in ipairs(call('ZRANGE', key('notices'), 0, PAGE - 1)) do
    if tonumber(string.match(notice, '^%d+')) <= upto then
      call('ZREM', key('notices'), notice)
    end
  end
  local told = math.max(upto, tonumber(call('HGET', META, 'notices_told')) or 0)
  queue.number('notices_round')
  call('HSET', META, 'notices_told', str(told), 'notices_memory', memory)
end

function acts.tell(ends, round, upto, memory)
  if ends == '1' then
    if (call('HGET', META, 'notices_round') or '0') ~= round then
      return { '0' }
    end
    end_round(tonumber(upto), memory)
  end
  for place = 9, #ARGV, FIELDS do
    deliveries.add(unpack(ARGV, place, place + FIELDS - 1))
  end
  return { str(deliveries.keep_to_limit()) }
end

-- What waits for these targets, the first that are due of each, as {due, place}.
local function waiting(most)
  local found = {}
  for at = 7, #ARGV do
    local some = call('ZRANGE', key('deliveries_due', ARGV[at]), 0, most, 'WITHSCORES')
    for place = 1, #some, 2 do
      found[#found + 1] = { tonumber(some[place + 1]), some[place] }
    end
  end
  table.sort(found, function(one, other)
    if one[1] ~= other[1] then
      return one[1] < other[1]
    end
    return one[2] < other[2]
  end)
  return found
end

function acts.take(most, hold_ms)
  most, hold_ms = tonumber(most), tonumber(hold_ms)
  local reply, following = { '' }, nil
  for at, one in ipairs(waiting(most)) do
    local due_ms = math.max(0, one[1] - queue.now)
    if at <= most and due_ms == 0 then
      local name = deliveries.name_of(one[2])
      local kept = call('HMGET', name, 'id', 'target', 'topic', 'body')
      local attempt = call('HINCRBY', name, 'attempts', '1')
      deliveries.delay(name, one[2], kept[2], queue.now + hold_ms)
      reply[#reply + 1] = { kept[1], kept[2], kept[3], kept[4], str(attempt) }
      due_ms = hold_ms
    end
    following = math.min(following or due_ms, due_ms)
  end
  reply[1] = following and str(following) or ''
  return reply
end

function acts.settle(id, attempt, answer, received, delay_ms)
  local name = key('delivery', id)
  local kept = call('HMGET', name, 'attempts', 'due_at', 'place', 'target')
  if not kept[2] or (received ~= '1' and kept[1] ~= attempt) then
    return {}
  end
  call('HSET', name, 'answer', answer)
  if received ~= '1' and delay_ms ~= '' then
    deliveries.delay(name, kept[3], kept[4], queue.now + tonumber(delay_ms))
  else
    deliveries.finish(name, kept[3], kept[4], received == '1')
  end
  return {}
end

return queue.run(function()
  return acts[ARGV[4]](unpack(ARGV, 5, 9))
end, function() end)
