#!lua flags=allow-oom
-- hold: what the holder of a claim writes before it settles: describe, reserve, commit, retract.
-- needs: queue tasks later filed fair places moves bytes held endings holding
-- KEYS  1 meta
-- ARGV  1-3 time  4 what  5 task id  6 token
--       7… describe: title, artist, album; reserve: name, key; commit: publication, JSON
-- Reply {} | reserve: {own | taken | leaving}
-- Refused  LEASE_LOST id token
-- Cost  O(log n).

return queue.run_each(6, function(what, task_id, token, first, second, third)
  return { holding[what](held_task(task_id, token), first, second, third) }
end, places.finish)
