-- arrivals: what another store dumped gets its records here, an entry (pages.lua) at a time.
--
-- Until all tracks of an album have theirs, it stands in no lane, so nothing of it can be claimed, and it cannot end.

local arrivals = {}

-- Give a task the name that it held unless somebody has it, or have a stage removed that nobody wants any more.
local function settle_in(task, entry)
  local name_key = entry.reserved_key
  local held = task.parent or not is_final(task)
  local wanted = name_key and held and not endings.publishes(name_key)
  if wanted and call('HSETNX', key('names'), name_key, str(task.seq)) == 1 then
    tasks.put(task, 'reserved', entry.reserved)
    tasks.put(task, 'reserved_key', name_key)
  end
  if entry.unfinished and is_final(task) then
    moves.discard_stage(task)
  end
end

-- Enter a job with its story: lines of {time, relative to now, JSON without it}. Answers its task.
function arrivals.enter_job(entry, story)
  local job = moves.add(pages.fields(entry, queue.now))
  settle_in(job, entry)
  for _, line in ipairs(story) do
    local text = '{"at":' .. str(queue.now + line[1]) .. ',' .. string.sub(line[2], 2)
    call('RPUSH', key('history', str(job.seq)), text)
  end
  if entry.unfinished then
    moves.note(job, 'moved')
    if is_final(job) then
      moves.note(job, 'cancelled')
    end
  end
  return job
end

local function enter_track(album, entry, at)
  local fields = pages.track(album, entry, at)
  if is_final(album) and not FINAL[fields.state] then
    fields.state, fields.finished_at, fields.due_at = 'cancelled', queue.now, nil
  end
  settle_in(moves.add(fields), entry)
end

-- Enter tracks that came at this time; the album may end with them.
function arrivals.enter_tracks(album, entries, at)
  for _, entry in ipairs(entries) do
    enter_track(album, entry, at)
  end
  albums.close_if_done(album)
end

-- The page that is to be entered next, {album, at, entries}; nil: there is none. Read it before anything is written:
-- what cannot be read ends the script.
function arrivals.next()
  local seq = call('ZRANGE', key('arrived'), 0, 0)[1]
  local album = seq and tasks.load(seq)
  if not album then
    if seq then
      pages.forget(seq)
    end
    return nil
  end
  local page = pages.load(album, album.entered + 1)
  page.album = album
  return page
end

function arrivals.enter(page)
  local album = page.album
  call('HDEL', key('arrived', str(album.seq)), str(album.entered + 1))
  arrivals.enter_tracks(album, page.entries, page.at)
  if album.entered == album.track_count then
    pages.forget(str(album.seq))
  end
end

-- Leave an album that cannot be read the tracks that have records; the others were never listed here.
function arrivals.give_up(album)
  if album.entered < album.track_count then
    pages.forget(str(album.seq))
    local without = album.track_count - album.entered
    moves.change(album, { track_count = album.entered, unlisted = album.unlisted + without })
  end
end
