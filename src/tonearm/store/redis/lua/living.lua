#!lua flags=no-writes
-- living: which tasks are unfinished, with their newest epoch; for the janitor.
-- needs: queue tasks
-- KEYS  1 meta
-- ARGV  1-3 time  4… task ids
-- Reply {id, epoch, …}
-- Cost  O(log n) a task.

return queue.run(function()
  local found = {}
  for place = 4, #ARGV do
    local task = tasks.named(ARGV[place])
    if task and not is_final(task) and not is_orphan(task) then
      local album = album_of(task)
      if not (album and is_final(album) and task.state ~= 'active') then
        found[#found + 1], found[#found + 2] = task.id, str(task.epoch)
      end
    end
  end
  return found
end)
