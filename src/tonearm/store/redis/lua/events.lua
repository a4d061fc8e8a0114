#!lua flags=no-writes
-- events: what the feed tells after an event, and where it ends.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 number of the event to go on behind, '' for none  5 how many
-- Reply {instance, newest number, oldest number that is kept (newest + 1 if none), event, …}; an event is {number,
--       kind, job}
-- Cost  O(log n + events).

return queue.run(function()
  local meta = call('HMGET', META, 'instance', 'event')
  local newest = tonumber(meta[2]) or 0
  local first = call('XRANGE', key('events'), '-', '+', 'COUNT', 1)[1]
  local oldest = first and string.match(first[1], '^%d+') or str(newest + 1)
  local reply = { meta[1] or '', str(newest), oldest }
  if ARGV[4] ~= '' then
    for _, event in ipairs(call('XRANGE', key('events'), '(' .. ARGV[4] .. '-0', '+', 'COUNT', tonumber(ARGV[5]))) do
      reply[#reply + 1] = { string.match(event[1], '^%d+'), event[2][2], event[2][4] }
    end
  end
  return reply
end)
