#!lua flags=allow-oom
-- steer: change how the whole queue runs, field by field.
-- needs: queue steering
-- KEYS  1 meta
-- ARGV  1-3 time  4… name and value of what changes ('' takes it back to the settings)
-- Reply control
-- Cost  O(1).

return queue.run(function()
  for place = 4, #ARGV, 2 do
    local name, value = 'control:' .. ARGV[place], ARGV[place + 1]
    local before = call('HGET', META, name) or ''
    if before ~= value then
      queue.woke = true
      if value == '' then
        call('HDEL', META, name)
      else
        call('HSET', META, name, value)
      end
    end
  end
  return control()
end, function() end)
