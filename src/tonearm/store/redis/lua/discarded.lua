#!lua flags=allow-oom
-- discarded: forget stages that are gone from disk, whoever removed them.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4… stages, `task epoch` each
-- Reply {}
-- Cost  O(1) a stage and owner.

return queue.run(function()
  for _, owner in ipairs(call('SMEMBERS', key('discarders'))) do
    local name = key('discards', owner)
    for place = 4, #ARGV do
      call('ZREM', name, ARGV[place])
    end
    if call('EXISTS', name) == 0 then
      call('SREM', key('discarders'), owner)
    end
  end
  return {}
end, function() end)
