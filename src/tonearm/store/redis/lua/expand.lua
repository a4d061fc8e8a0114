#!lua flags=allow-oom
-- expand: enter one page of tracks of an album that is being resolved; with the last one its list is fixed.
-- needs: queue tasks later filed fair places moves bytes held endings missing albums lists
-- KEYS  1 meta
-- ARGV  1-3 time  4 task id  5 token  6 album: JSON of {text, title, artist, announced}  7 position of the first track
--       8 tracks, JSON: {id, title, artist, number} each  9 '1' if it is the last page
-- Reply {}
-- Refused  LEASE_LOST id token | POSITION start
-- Cost  at most a page of tracks, each O(log n).

return queue.run(function()
  if not is_ended(ARGV[4], ARGV[5]) then
    local job = held_task(ARGV[4], ARGV[5])
    lists.enter(job, cjson.decode(ARGV[6]), tonumber(ARGV[7]), cjson.decode(ARGV[8]), ARGV[9] == '1')
  end
  return {}
end, places.finish)
