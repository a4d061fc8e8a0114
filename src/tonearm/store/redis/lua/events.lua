#!lua flags=no-writes
-- events: what the feed tells after an event, and where it ends.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 number of the event to go on behind, '' for none  5 how many
-- Reply {instance, newest number, oldest number that is kept (newest + 1 if none), event, …}; an event is {number,
--       kind, job}
-- Cost  O(log n + events).

local function events_between(first, last, count)
  return call('XRANGE', key('events'), first, last, 'COUNT', count)
end

return queue.run(function()
  local meta = call('HMGET', META, 'instance', 'event', 'event_at')
  local newest = tonumber(meta[2]) or 0
  local first = events_between('-', '+', 1)[1]
  local oldest = first and string.match(first[1], '^%d+') or str(newest + 1)
  local reply = { meta[1] or '', str(newest), meta[3] or '0', oldest, '' }
  if ARGV[4] ~= '' then
    local from = ARGV[4] .. '-0'
    local behind = events_between(from, from, 1)[1]
    reply[5] = behind and behind[2][6] or ''
    for _, event in ipairs(events_between('(' .. from, '+', tonumber(ARGV[5]))) do
      reply[#reply + 1] = { string.match(event[1], '^%d+'), event[2][2], event[2][4], event[2][6] }
    end
  end
  return reply
end)
