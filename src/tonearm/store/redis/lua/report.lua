#!lua flags=allow-oom
-- report: what a worker says about itself, for people; replaces what it said before. It may be lost.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 report, JSON; rests in it are milliseconds from now
-- Reply {}
-- Cost  O(1).

return queue.run(function()
  call('HSET', key('reports'), ARGV[4], str(queue.now) .. ' ' .. ARGV[5])
  return {}
end, function() end)
