#!lua flags=allow-oom
-- heartbeat: a worker's sign of life; after a silence it counts as started anew.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 host  6 its transfers at most  7 silence after which a worker is dead, ms
-- Reply {}
-- Cost  O(log n).

return queue.run(function()
  local worker = ARGV[4]
  local beat = tonumber(call('ZSCORE', key('beats'), worker))
  local started_at = call('HGET', key('worker', worker), 'started_at')
  if not started_at or not beat or beat < queue.now - tonumber(ARGV[7]) then
    started_at = str(queue.now)
  end
  call('HSET', key('worker', worker), 'host', ARGV[5], 'max_concurrent', ARGV[6], 'started_at', started_at)
  call('ZADD', key('beats'), queue.now, worker)
  return {}
end, function() end)
