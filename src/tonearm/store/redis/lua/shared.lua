#!lua flags=no-writes
-- shared: which files of the library other jobs than this one name, or may name.
-- needs: queue tasks later filed
-- KEYS  1 meta
-- ARGV  1-3 time  4 job id  5… paths
-- Reply {path, …}
-- Cost  O(log n) a path.

return queue.run(function()
  local own, found = call('HGET', key('ids'), ARGV[4]), {}
  for place = 5, #ARGV do
    if filed.elsewhere(ARGV[place], own) then
      found[#found + 1] = ARGV[place]
    end
  end
  return found
end)
