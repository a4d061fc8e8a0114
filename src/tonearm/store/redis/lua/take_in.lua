#!lua
-- take_in: enter a job that another store dumped, or keep a page of it. Like `submit`, a full Redis refuses it.
-- needs: queue tasks later filed fair places moves bytes held endings missing albums remembered pages arrivals
-- KEYS  1 meta
-- ARGV  1-3 time  4 job, JSON: an entry (pages.lua)  5 its story, JSON: {time, line without it} each (arrivals.lua)
--       6 position of the first track of this page  7 how many tracks  8 '1' if it is the last page
--       9 tracks, JSON: an entry each
-- Reply {taken | more | known | deleted}
-- Refused  PAGES id start
-- Cost  at most a page of tracks, each O(log n).

local entry, story = cjson.decode(ARGV[4]), cjson.decode(ARGV[5])
local start, count, last = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local id = entry.fields.id

return queue.run(function()
  if is_here(id) then
    return { 'known' }
  elseif is_gone(id) then
    return { 'deleted' }
  end
  local in_pages = start > 1 or not last
  if in_pages then
    pages.keep(id, start, count, ARGV[9])
    if not last then
      return { 'more' }
    end
  end
  local job = arrivals.enter_job(entry, story)
  if in_pages then
    pages.complete(job)
  else
    arrivals.enter_tracks(job, cjson.decode(ARGV[9]), queue.now)
  end
  return { 'taken' }
end, places.finish)
