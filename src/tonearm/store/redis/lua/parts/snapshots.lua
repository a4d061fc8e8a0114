-- snapshots: a job with what belongs to it, as readers get it. Records are built from it in Python,
-- `store.redis.reading`.

local snapshots = { SHORT = 20, LONG = 1000 }

local function flats(name, limit)
  local found = {}
  for _, seq in ipairs(call('ZRANGE', name, 0, limit - 1)) do
    local track = tasks.load(seq)
    found[#found + 1] = track and flat_of(track) or nil
  end
  return found
end

-- The tracks of an album beyond position *after*, in its order, at most *limit*; none before the list is fixed.
function snapshots.tracks(album, after, limit)
  local found = {}
  if album.track_count == 0 then
    return found
  end
  local name = key('album', str(album.seq), 'tracks')
  local range = call('ZRANGEBYSCORE', name, '(' .. str(after), str(album.track_count), 'LIMIT', 0, limit)
  for _, seq in ipairs(range) do
    local track = tasks.load(seq)
    found[#found + 1] = track and flat_of(track) or nil
  end
  return found
end

-- {task, completed tracks, failed tracks, active tracks, tracks in order, history}; the last two only where it is
-- *whole*.
function snapshots.of_job(task, limit, whole)
  local seen = { flat_of(task), {}, {}, {}, {}, {} }
  if is_album(task) then
    local album = str(task.seq)
    seen[2] = task.file_count > 0 and flats(key('album', album, 'completed'), limit) or {}
    seen[3] = task.failed_tracks > 0 and flats(key('album', album, 'failed'), limit) or {}
    seen[4] = flats(key('album', album, 'active'), limit)
    seen[5] = whole and snapshots.tracks(task, 0, limit) or {}
  end
  if whole then
    seen[6] = call('LRANGE', key('history', str(task.seq)), 0, -1)
  end
  return seen
end

-- The same of a job by its number, as lists have it; nil: there is none.
function snapshots.in_list(seq)
  local flat = tasks.flat_track(seq)
  if flat then
    return { flat }
  end
  local album = tasks.load(seq)
  return album and snapshots.of_job(album, snapshots.SHORT, false)
end

-- What the workers say of themselves, JSON each.
function snapshots.reports()
  return call('HVALS', key('reports'))
end
