-- places: where a task stands in the indexes, and what it adds to the figures of others.
--
-- Both are functions of its record. When a record is written, the difference between before and after is applied, so no
-- index and no figure can drift from the records; the audit derives them all again.

local places = {}

-- Members of equal score are ordered by their bytes: orders with more than one part are sets of one score, read by
-- bytes.
local RANKS = 281474976710656 -- 2^48: numbers of tasks stay below it, so that a rank before them fits in a score

-- Which kind of claim a job is an entry of now (nil: none), and whether that offers a healthy task.
local function entry_of(task)
  if task.parent or task.entered < task.track_count then
    return nil, 0
  elseif task.state == 'ready' then
    return is_album(task) and 'resolve' or 'track', is_suspect(task) and 0 or 1
  elseif task.state == 'waiting' and task.ready_tracks > 0 and task.entered == task.track_count then
    return 'track', task.ready_tracks > task.ready_suspects and 1 or 0
  end
  return nil, 0
end

local function status_of(task)
  if task.state == 'ready' or task.state == 'delayed' then
    return 'queued'
  elseif task.state == 'active' or task.state == 'waiting' then
    return 'processing'
  end
  return task.state
end

-- What a job asks for, and for whom: the field of `same` that it stands in.
function places.same_field(task)
  return task.client .. ':' .. task.type .. ':' .. str(task.catalog_id) .. ':' .. task.quality
end

local function job_places(task, found)
  local seq = str(task.seq)
  found.jobs = { key('jobs'), task.seq, seq }
  if is_final(task) then
    local shelf = task.outcome == 'partial' and 'partial' or task.state
    found.status = { key('finished', shelf), 0, pad(task.finished_at) .. ':' .. pad(task.seq) }
    return
  end
  found.unfinished = { key('unfinished'), task.seq, seq }
  local status = status_of(task)
  if status == 'processing' then
    found.status = { key('processing'), 0, pad(task.started_at or 0) .. ':' .. pad(task.seq) }
  elseif status == 'queued' then
    found.status = { key('queued'), 0, str(task.priority) .. ':' .. pad(task.seq) }
  else
    found.status = { key('paused'), task.seq, seq }
  end
  local lane, healthy = entry_of(task)
  if lane then
    local rank = task.priority * 2 + (is_album(task) and 1 or 0)
    found.entry = { key('entries', lane, str(healthy), task.client), rank * RANKS + task.seq, seq }
  end
end

local function track_places(task, found)
  local seq, album = str(task.seq), str(task.parent)
  found.tracks = { key('album', album, 'tracks'), task.position, seq }
  if task.state ~= 'completed' then
    found.open = { key('album', album, 'open'), task.position, seq }
  end
  if task.state == 'ready' then
    found.status = { key('album', album, is_suspect(task) and 'suspects' or 'ready'), task.position, seq }
  elseif task.state == 'active' or task.state == 'completed' or task.state == 'failed' then
    found.status = { key('album', album, task.state), task.position, seq }
  end
end

-- Where a task stands: what for -> {ordered set, score, member}.
function places.of(task)
  local found = {}
  if task.parent then
    track_places(task, found)
  else
    job_places(task, found)
    if task.chore then
      found.chore = { key('chores'), task.seq, str(task.seq) }
    end
  end
  if task.state == 'delayed' then
    found.time = { key('due'), task.due_at, str(task.seq) }
  elseif task.state == 'active' then
    found.time = { key('leases'), task.lease_until, str(task.seq) }
    found.held = { key('held', task.worker), task.seq, str(task.seq) }
    if is_suspect(task) then
      found.suspect = { key('suspects'), task.seq, str(task.seq) }
    end
  end
  return found
end

local TRACK_COUNTS = {
  ready = 'ready_tracks', completed = 'completed_tracks', failed = 'failed_tracks', cancelled = 'cancelled_tracks',
}

local function bump(figures, name, by)
  if by ~= 0 then
    figures[name] = (figures[name] or 0) + by
  end
end

local function weigh_track(task, sign, sums)
  local album = sums.album
  bump(album, 'entered', sign)
  bump(album, 'retry_count', sign * task.retry_count)
  bump(album, 'file_count', sign * task.file_count)
  bump(album, 'size', sign * task.size)
  bump(album, 'download_ms', sign * task.download_ms)
  local counted = TRACK_COUNTS[task.state]
  if counted then
    bump(album, counted, sign)
  end
  if task.state == 'ready' and is_suspect(task) then
    bump(album, 'ready_suspects', sign)
  elseif task.state == 'active' then
    bump(sums.track, 'held', sign)
  end
end

local function weigh_end(task, sign, counters)
  if (task.state == 'completed' or task.state == 'failed') and task.started_at then
    bump(counters, 'timed', sign)
    bump(counters, 'duration_ms', sign * (task.finished_at - task.started_at))
  end
  if task.state == 'failed' then
    bump(counters, 'failure:' .. (task.failure_code or 'internal'), sign)
  end
end

local function weigh_job(task, sign, sums)
  local counters = sums.counters
  bump(counters, 'status:' .. status_of(task), sign)
  bump(counters, 'retries', sign * task.retry_count)
  bump(counters, 'download_ms', sign * task.download_ms)
  if is_final(task) then
    weigh_end(task, sign, counters)
    return
  end
  bump(sums.clients, task.client, sign)
  local lane, healthy = entry_of(task)
  if lane then
    bump(sums[lane], 'entries', sign)
    bump(sums[lane], 'healthy', sign * healthy)
  end
  if is_album(task) and (task.state == 'active' or task.state == 'waiting') then
    bump(sums.resolve, 'held', sign)
  elseif task.state == 'active' then
    bump(sums.track, 'held', sign)
  end
end

local function weigh(task, sign, sums)
  if task.parent then
    weigh_track(task, sign, sums)
  else
    weigh_job(task, sign, sums)
  end
end

-- What a script reads again after it wrote: written at once.
local AT_ONCE = { entry = true, tracks = true, open = true }

local function take_away(what, task, place)
  if AT_ONCE[what] or task.parent and what == 'status' then
    call('ZREM', place[1], place[3])
  else
    later.place(place[1], place[3], false)
  end
end

local function put_down(what, task, place)
  if AT_ONCE[what] or task.parent and what == 'status' then
    call('ZADD', place[1], str(place[2]), place[3])
  else
    later.place(place[1], place[3], place[2])
  end
end

local function apply_places(task, before, after)
  for what, old in pairs(before) do
    local new = after[what]
    if not new or new[1] ~= old[1] or new[3] ~= old[3] then
      take_away(what, task, old)
    end
  end
  for what, new in pairs(after) do
    local old = before[what]
    if not old or new[1] ~= old[1] or new[3] ~= old[3] or new[2] ~= old[2] then
      put_down(what, task, new)
    end
  end
end

-- Unfinished jobs that ask for the same thing: their numbers, oldest first, in one field of `same`.
local function apply_same(was, task, is_new, gone)
  if task.parent then
    return
  end
  local had, has = not is_new and not is_final(was), not gone and not is_final(task)
  if had == has then
    return
  end
  local field, seq = places.same_field(task), str(task.seq)
  local kept = later.read(key('same'), field)
  if has and not kept or had and kept == seq then -- nobody else asks for it
    later.field(key('same'), field, has and seq)
    return
  end
  local numbers = {}
  for number in string.gmatch(kept or '', '%d+') do
    if number ~= seq then
      numbers[#numbers + 1] = number
    end
  end
  if has then
    numbers[#numbers + 1] = seq
    table.sort(numbers, function(one, other)
      return tonumber(one) < tonumber(other)
    end)
  end
  later.field(key('same'), field, #numbers > 0 and table.concat(numbers, ' '))
end

local function apply_token(was, task, gone)
  local token = not gone and task.token or nil
  if was.token and was.token ~= token then
    later.field(key('tokens'), was.token, false)
  end
  if token and token ~= was.token then
    later.field(key('tokens'), token, str(task.seq))
  end
end

local function apply_name(task, is_new, gone)
  if task.parent then
    return
  elseif is_new then
    later.field(key('ids'), task.id, str(task.seq))
  elseif gone then
    later.field(key('ids'), task.id, false)
  end
end

local function moved(figures)
  return (figures.entries or 0) ~= 0 or (figures.healthy or 0) ~= 0 or (figures.held or 0) ~= 0
end

local function apply_weights(task, sums)
  for _, name in ipairs({ 'counters', 'clients' }) do
    for figure, by in pairs(sums[name]) do
      later.add(key(name), figure, by)
    end
  end
  for kind in pairs(ROOM) do
    if moved(sums[kind]) then
      fair.shift(kind, task.client, sums[kind])
    end
  end
  local album = album_of(task)
  if album then
    for name, by in pairs(sums.album) do
      if by ~= 0 then
        tasks.put(album, name, album[name] + by)
        tasks.put(album, 'updated_at', queue.now)
      end
    end
  end
end

local function move_places(task, was, is_new, gone)
  local sums = { counters = {}, clients = {}, track = {}, resolve = {}, album = {} }
  local before, after = {}, {}
  if not is_new then
    before = places.of(was)
    weigh(was, -1, sums)
  end
  if not gone then
    after = places.of(task)
    weigh(task, 1, sums)
  end
  apply_places(task, before, after)
  apply_same(was, task, is_new, gone)
  apply_token(was, task, gone)
  apply_name(task, is_new, gone)
  return sums
end

local function write(task)
  local was, is_new, gone = task._was, task._new, task._gone
  local sums
  if task._moved then
    sums = move_places(task, was, is_new, gone)
  elseif task.lease_until ~= was.lease_until then
    later.place(key('leases'), str(task.seq), task.lease_until)
  end
  if gone or rawget(was, 'publication') ~= nil then
    filed.follow(str(task.seq), was.publication, not gone and task.publication)
  end
  if not (is_new and gone) then
    tasks.write(task)
  end
  task._was, task._new, task._moved = nil, nil, nil
  if sums then
    apply_weights(task, sums)
  end
end

-- Write the records that changed so far, and the indexes that are read again. What a track changes of its album is
-- written after it.
function places.flush()
  while #tasks.dirty > 0 do
    local dirty = tasks.dirty
    tasks.dirty = {}
    for _, tracks in ipairs({ true, false }) do
      for _, task in ipairs(dirty) do
        if (task.parent ~= nil) == tracks and task._was then
          write(task)
        end
      end
    end
  end
end

-- Write all that is left when a script ends.
function places.finish()
  places.flush()
  fair.flush()
  later.flush()
end

queue.flush = places.flush

-- Forget what is not written yet: it was half made. Who needs those tasks again reads them again.
function queue.abandon()
  for _, task in ipairs(tasks.dirty) do
    tasks.loaded[task.seq] = nil
  end
  tasks.dirty = {}
end
