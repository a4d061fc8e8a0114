#!lua flags=allow-oom
-- open: enter a queue, making it where there is none.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 an instance, drawn
-- Reply {instance}
-- Cost  O(1).

if not queue.version then
  queue.version, queue.beside, queue.is_new = VERSION, WORKS_BESIDE, true
end

return queue.run(function()
  local instance = call('HGET', META, 'instance')
  if not instance then
    instance = ARGV[4]
    call('XADD', key('wakes'), '*', 'w', '1')
    call('HSET', META, 'instance', instance)
  end
  return { instance }
end, function() end)
