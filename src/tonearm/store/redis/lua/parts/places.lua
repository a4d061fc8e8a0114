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

local function job_places(task, late, soon)
  late[key('jobs')] = task.seq
  if is_final(task) then
    local shelf = task.outcome == 'partial' and 'partial' or task.state
    late[key('finished', shelf)] = pad(task.finished_at) .. ':' .. pad(task.seq)
    return
  end
  late[key('unfinished')] = task.seq
  local status = status_of(task)
  if status == 'processing' then
    late[key('processing')] = pad(task.started_at or 0) .. ':' .. pad(task.seq)
  elseif status == 'queued' then
    late[key('queued')] = str(task.priority) .. ':' .. pad(task.seq)
  else
    late[key('paused')] = task.seq
  end
  local lane, healthy = entry_of(task)
  if lane then
    local rank = task.priority * 2 + (is_album(task) and 1 or 0)
    soon[key('entries', lane, str(healthy), task.client)] = rank * RANKS + task.seq
  end
end

local function track_places(task, soon)
  local album = str(task.parent)
  soon[key('album', album, 'tracks')] = task.position
  if task.state ~= 'completed' then
    soon[key('album', album, 'open')] = task.position
  end
  if task.state == 'ready' then
    soon[key('album', album, is_suspect(task) and 'suspects' or 'ready')] = task.position
  elseif task.state == 'active' or task.state == 'completed' or task.state == 'failed' then
    soon[key('album', album, task.state)] = task.position
  end
end

-- Fill in where a task stands: ordered set -> its score there, or its member where that is no number of a task (then
-- the score is 0). *soon* is for the sets that a script reads again after it wrote, *late* for the others.
local function places_of(task, late, soon)
  if task.parent then
    track_places(task, soon)
  else
    job_places(task, late, soon)
    if task.chore then
      late[key('chores')] = task.seq
    end
  end
  if task.state == 'delayed' then
    late[key('due')] = task.due_at
  elseif task.state == 'active' then
    late[key('leases')] = task.lease_until
    late[key('held', task.worker)] = task.seq
    if is_suspect(task) then
      late[key('suspects')] = task.seq
    end
  end
end

-- Have *write* (of `later`) put a task where it stands *after* a change and take it from where it stood *before*.
local function apply_places(write, seq, before, after)
  for set, place in pairs(before) do
    local named = type(place) == 'string'
    if after[set] == nil or named and after[set] ~= place then
      write(set, named and place or seq, false)
    end
  end
  for set, place in pairs(after) do
    if before[set] ~= place then
      if type(place) == 'string' then
        write(set, place, 0)
      else
        write(set, seq, place)
      end
    end
  end
end

local function count(name, field, by)
  if by ~= 0 then
    later.add(key(name), field, by)
  end
end

local function count_end(task, sign)
  if (task.state == 'completed' or task.state == 'failed') and task.started_at then
    count('counters', 'timed', sign)
    count('counters', 'duration_ms', sign * (task.finished_at - task.started_at))
  end
  if task.state == 'failed' then
    count('counters', 'failure:' .. (task.failure_code or 'internal'), sign)
  end
end

-- Count what a job adds to the figures of all, or, with the sign -1, what it added.
local function count_job(task, sign)
  count('counters', 'status:' .. status_of(task), sign)
  count('counters', 'retries', sign * task.retry_count)
  count('counters', 'download_ms', sign * task.download_ms)
  if is_final(task) then
    count_end(task, sign)
  else
    count('clients', task.client, sign)
  end
end

-- The kind of claim of which a task is held, or an album open; nil: none.
local function held_as(task)
  if is_album(task) then
    return (task.state == 'active' or task.state == 'waiting') and 'resolve' or nil
  end
  return task.state == 'active' and 'track' or nil
end

-- Shift the lanes of a client from what a task was there to what it is; nil: it was, or is, nowhere.
local function shift_lanes(client, was, task)
  local lane_before, healthy_before, held_before, lane, healthy, held
  if was then
    lane_before, healthy_before = entry_of(was)
    held_before = held_as(was)
  end
  if task then
    lane, healthy = entry_of(task)
    held = held_as(task)
  end
  for kind in pairs(ROOM) do
    local entries, well, holds = 0, 0, 0
    if lane_before == kind then
      entries, well = -1, -healthy_before
    end
    if lane == kind then
      entries, well = entries + 1, well + healthy
    end
    if held ~= held_before then
      holds = held == kind and 1 or held_before == kind and -1 or 0
    end
    if entries ~= 0 or well ~= 0 or holds ~= 0 then
      fair.shift(kind, client, entries, well, holds)
    end
  end
end

local TRACK_COUNTS = {
  ready = 'ready_tracks', completed = 'completed_tracks', failed = 'failed_tracks', cancelled = 'cancelled_tracks',
}
local SUMMED = { 'retry_count', 'file_count', 'size', 'download_ms' }

-- Add to *sums* what a track adds to the figures of its album, or take it off with the sign -1.
local function weigh_track(task, sign, sums)
  sums.entered = (sums.entered or 0) + sign
  for _, name in ipairs(SUMMED) do
    sums[name] = (sums[name] or 0) + sign * task[name]
  end
  local counted = TRACK_COUNTS[task.state]
  if counted then
    sums[counted] = (sums[counted] or 0) + sign
  end
  if task.state == 'ready' and is_suspect(task) then
    sums.ready_suspects = (sums.ready_suspects or 0) + sign
  end
end

-- Bring the figures of its album from what a track was to what it is; nil: it was not, or is not, there.
local function weigh_anew(album, was, task)
  local sums = {}
  if was then
    weigh_track(was, -1, sums)
  end
  if task then
    weigh_track(task, 1, sums)
  end
  for name, by in pairs(sums) do
    if by ~= 0 then
      tasks.put(album, name, album[name] + by)
      tasks.put(album, 'updated_at', queue.now)
    end
  end
end

-- Unfinished jobs that ask for the same thing: their numbers, oldest first, in one field of `same`.
local function apply_same(task, was, is)
  if task.parent then
    return
  end
  local had, has = was ~= nil and not is_final(was), is ~= nil and not is_final(is)
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

local function apply_token(task, was, is)
  local before, token = was and was.token or nil, is and is.token or nil
  if before and before ~= token then
    later.field(key('tokens'), before, false)
  end
  if token and token ~= before then
    later.field(key('tokens'), token, str(task.seq))
  end
end

local function apply_name(task, was, is)
  if not task.parent and not (was and is) then
    later.field(key('ids'), task.id, is and str(task.seq) or false)
  end
end

-- Move a task in the indexes; *was* nil: it is new, *is* nil: it is gone.
local function move_places(task, was, is)
  local late_before, soon_before, late, soon = {}, {}, {}, {}
  if was then
    places_of(was, late_before, soon_before)
  end
  if is then
    places_of(is, late, soon)
  end
  local seq = str(task.seq)
  apply_places(later.place, seq, late_before, late)
  apply_places(later.soon, seq, soon_before, soon)
  apply_same(task, was, is)
  apply_token(task, was, is)
  apply_name(task, was, is)
end

-- Move a task in the figures of others.
local function move_figures(task, was, is)
  shift_lanes(task.client, was, is)
  if task.parent then
    local album = album_of(task)
    if album then
      weigh_anew(album, was, is)
    end
    return
  end
  if was then
    count_job(was, -1)
  end
  if is then
    count_job(is, 1)
  end
end

-- Note a turn in the life of a job, for the metrics of whoever runs the script: `<what> <type> <code> <ms>`, with `-`
-- for what there is not (`tonearm.store.counting`).
local function note_turn(was, job, is_gone)
  local what, code, from, to
  if is_gone then
    what = not is_final(was) and 'cancelled'
  elseif is_final(was) ~= is_final(job) then
    what = is_final(was) and 'retried' or job.outcome == 'partial' and 'partial' or job.state
    code, from, to = job.failure_code, job.started_at, job.finished_at
  elseif was.epoch == 0 and job.state == 'active' then
    what, from, to = 'started', job.created_at, job.started_at
  end
  if what then
    local ms = from and to and str(to - from) or '-'
    queue.happened[#queue.happened + 1] = table.concat({ what, job.type, what == 'failed' and code or '-', ms }, ' ')
  end
end

local NOTICES_LIMIT = 10000

-- Leave the notice of a job that has just ended, if somebody listens (`notices.lua`).
local function leave_notice(job)
  if job.state == 'cancelled' or not queue.heard then
    return
  end
  local topic = job.state == 'failed' and 'job.failed' or job.outcome == 'partial' and 'job.partial' or 'job.completed'
  local notice = pad(queue.number('notice')) .. ' ' .. topic .. ' ' .. job.id
  call('ZADD', key('notices'), str(queue.now), notice)
  if call('ZCARD', key('notices')) > NOTICES_LIMIT then
    call('ZREMRANGEBYRANK', key('notices'), 0, 0)
  end
end

local function write(task)
  local was, is = not task._new and task._was or nil, not task._gone and task or nil
  if task._moved then
    move_places(task, was, is)
  elseif task.lease_until ~= was.lease_until then
    later.place(key('leases'), str(task.seq), task.lease_until)
  end
  if not is or rawget(task._was, 'publication') ~= nil then
    filed.follow(str(task.seq), task._was.publication, is and is.publication)
  end
  if was or is then
    tasks.write(task)
  end
  if task._moved then
    move_figures(task, was, is)
    if was and not task.parent then
      note_turn(was, task, not is)
      if is and is_final(is) and not is_final(was) then
        leave_notice(is)
      end
    end
  end
  task._was, task._new, task._moved = nil, nil, nil
end

-- Write the records that changed so far. What a track changes of its album is written after it.
function places.write()
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

-- Write also the indexes that are read again.
function places.flush()
  places.write()
  later.flush_soon()
end

-- Write all that is left when a script ends.
function places.finish()
  places.write()
  fair.flush()
  later.flush()
end

queue.flush = places.write

-- Forget what is not written yet: it was half made. Who needs those tasks again reads them again.
function queue.abandon()
  for _, task in ipairs(tasks.dirty) do
    tasks.loaded[task.seq] = nil
  end
  tasks.dirty = {}
end
