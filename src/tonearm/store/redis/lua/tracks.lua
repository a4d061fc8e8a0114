#!lua flags=no-writes
-- tracks: a page of an album's tracks, or of what a job has published.
-- needs: queue tasks held snapshots
-- KEYS  1 meta
-- ARGV  1-3 time  4 job id  5 'tracks' or 'files'  6 position to go on behind  7 how many
-- Reply {job, {track, …}, reports}
-- Refused  NOT_FOUND id
-- Cost  O(log n + tracks).

local function arrived(job, after, limit)
  local found = {}
  if not is_album(job) then
    return job.state == 'completed' and after == 0 and { flat_of(job) } or found
  end
  local name = key('album', str(job.seq), 'completed')
  for _, seq in ipairs(call('ZRANGEBYSCORE', name, '(' .. str(after), '+inf', 'LIMIT', 0, limit)) do
    local track = tasks.load(seq)
    found[#found + 1] = track and flat_of(track) or nil
  end
  return found
end

return queue.run(function()
  local job = find_job(ARGV[4])
  local after, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
  local found = ARGV[5] == 'files' and arrived(job, after, limit) or snapshots.tracks(job, after, limit)
  return { flat_of(job), found, snapshots.reports() }
end)
