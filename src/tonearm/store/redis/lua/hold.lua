#!lua flags=allow-oom
-- hold: what the holder of a claim writes before it settles: describe, reserve, commit, retract.
-- needs: queue tasks fair places moves held endings holding
-- KEYS  1 meta
-- ARGV  1-3 time  4 what  5 task id  6 token  7… describe: title, artist, album; reserve: name, key; commit: publication, JSON
-- Reply {} | reserve: {own | taken | leaving}
-- Refused  LEASE_LOST id token
-- Cost  O(log n).

return queue.run(function()
  local task = held_task(ARGV[5], ARGV[6])
  return { holding[ARGV[4]](task, ARGV[7], ARGV[8], ARGV[9]) }
end, places.flush)
