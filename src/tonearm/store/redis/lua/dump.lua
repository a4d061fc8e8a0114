#!lua flags=no-writes
-- dump: a job with its story and a page of its tracks, for another store to take in.
-- needs: queue tasks held snapshots pages
-- KEYS  1 meta
-- ARGV  1-3 time  4 job id  5 position of the first track
-- Reply {task, {}, {}, {}, tracks, history}, a snapshot; a task with the library name that it holds
-- Refused  NOT_FOUND id
-- Cost  at most a page of tracks.

return queue.run(function()
  local job, start = find_job(ARGV[4]), tonumber(ARGV[5])
  local tracks
  if job.entered < start and start <= job.track_count then
    tracks = pages.awaited(job, start)
  else
    tracks = snapshots.tracks(job, start - 1, PAGE)
  end
  return { flat_of(job), {}, {}, {}, tracks, call('LRANGE', key('history', str(job.seq)), 0, -1) }
end)
