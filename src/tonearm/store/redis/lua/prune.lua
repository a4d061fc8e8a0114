#!lua flags=allow-oom
-- prune: remove finished jobs that finished longer ago than their retention.
-- needs: queue tasks later filed fair places moves bytes held endings missing albums
-- KEYS  1 meta
-- ARGV  1-3 time  4 retention of completed jobs, ms  5 of failed ones and partial albums  6 of cancelled ones
-- Reply {completed, failed, cancelled, '1' if there are more}
-- Cost  at most a page of jobs, and a page of tracks; further tracks are removed by sweeps.

local SHELVES = {
  { 'completed', 1, tonumber(ARGV[4]) }, { 'partial', 2, tonumber(ARGV[5]) },
  { 'failed', 2, tonumber(ARGV[5]) }, { 'cancelled', 3, tonumber(ARGV[6]) },
}

return queue.run(function()
  local removed, all, tracks = { 0, 0, 0 }, 0, 0
  for _, shelf in ipairs(SHELVES) do
    local before = '(' .. pad(math.max(0, queue.now - shelf[3]))
    local old = call('ZRANGEBYLEX', key('finished', shelf[1]), '-', before, 'LIMIT', 0, PAGE - all)
    for _, member in ipairs(old) do
      local job = tasks.load(string.match(member, ':(%d+)$'))
      if job then
        tracks = tracks + albums.remove(job, PAGE - tracks)
        removed[shelf[2]] = removed[shelf[2]] + 1
      else
        call('ZREM', key('finished', shelf[1]), member)
      end
      all = all + 1
    end
  end
  return { removed[1], removed[2], removed[3], all == PAGE and '1' or '' }
end, places.finish)
