-- tasks: the record of a task as a table, loaded once a script and written back once.
--
-- A task is a job or one track of a resolved album, named by its number `seq`, which is never given twice. Its short
-- fields stand in the hash `task:<seq>`, its texts beside it in `text:<seq>`; a field that has its usual value is not
-- kept. The fields are those of `tonearm.store.task.Task`. What a change means for indexes and figures is the business
-- of `places`.
--
-- A task that changes has in `_was` what the fields that changed were before, `false` where there was nothing; every
-- other field is read through it, so that it stands for the whole record as it is kept.

local tasks = { loaded = {}, dirty = {} }

local STALLS_TO_SUSPECT = 2

-- Numbers with their usual value, numbers that may be missing, and the texts of the second hash.
local USUAL = {
  epoch = 0, cancel_wanted = 0, pause_wanted = 0, bytes_done = 0, best_phase = 0, best_bytes = 0, high_phase = 0,
  high_bytes = 0, stalls = 0, retry_count = 0, corrupt_count = 0, file_count = 0, size = 0, download_ms = 0,
  track_count = 0, entered = 0, ready_tracks = 0, ready_suspects = 0, completed_tracks = 0, failed_tracks = 0,
  cancelled_tracks = 0, unlisted = 0, resolve_retries = 0, received = 0,
}
local NUMBERS = {
  seq = true, parent = true, position = true, catalog_id = true, track_number = true, priority = true,
  max_retries = true, created_at = true, updated_at = true, due_at = true, started_at = true, finished_at = true,
  lease_until = true, bytes_total = true, chore_position = true,
}
local TEXTS = {
  track_title = true, album_title = true, artist_name = true, error = true, last_error = true, publication = true,
  files = true, warnings = true, album = true, reserved = true, reserved_key = true,
}
-- What decides neither where a task stands nor what it adds to the figures of others: the rest moves it (`places`).
local AT_REST = {
  id = true, seq = true, client = true, type = true, updated_at = true, created_at = true, max_retries = true,
  epoch = true, lease_until = true, ended_token = true, stage_worker = true, previous_stage = true,
  cancel_wanted = true, pause_wanted = true, bytes_done = true, bytes_total = true, best_phase = true,
  best_bytes = true, high_phase = true, high_bytes = true, corrupt_count = true, track_number = true, unlisted = true,
  received = true, chore_position = true, completed_tracks = true, failed_tracks = true, cancelled_tracks = true,
}
local NEEDED = {
  'id', 'type', 'client', 'catalog_id', 'quality', 'priority', 'max_retries', 'state', 'created_at', 'updated_at',
}
local STATES = {
  ready = true, active = true, delayed = true, waiting = true, paused = true, completed = true, failed = true,
  cancelled = true,
}

-- What the table of a task has beside its fields: what they were, whether it is new, what becomes of it.
local MARKS = { _was = true, _new = true, _moved = true, _gone = true }

local Row = { __index = USUAL }

local function unreadable(seq, reason)
  refuse('UNREADABLE', str(seq), reason)
end

local FINAL = { completed = true, failed = true, cancelled = true }

-- Whether a record says things that cannot both be.
local function is_contradictory(task)
  return (FINAL[task.state] or false) ~= (task.finished_at ~= nil)
    or (task.state == 'active' and not (task.token and task.worker and task.lease_until))
    or (task.state == 'delayed' and not task.due_at)
    or (task.type ~= 'track' and task.type ~= 'album')
    or task.priority < 0 or task.priority > 2
end

local function parse(seq, flat, texts)
  local task = setmetatable({ seq = tonumber(seq) }, Row)
  for place = 1, #flat, 2 do
    local name, value = flat[place], flat[place + 1]
    if USUAL[name] or NUMBERS[name] then
      value = tonumber(value)
      if not value or value % 1 ~= 0 then
        unreadable(seq, name .. ' is not a number')
      end
    end
    task[name] = value
  end
  for place = 1, #texts, 2 do
    if TEXTS[texts[place]] then
      task[texts[place]] = texts[place + 1]
    end
  end
  for _, name in ipairs(NEEDED) do
    if task[name] == nil then
      unreadable(seq, name .. ' is missing')
    end
  end
  if not STATES[task.state] or is_contradictory(task) then
    unreadable(seq, 'its state is not what it should be')
  end
  return task
end

-- What is kept of a task, as two flat lists of names and values; the first is empty where there is none.
local function read_kept(seq)
  local flat = redis.pcall('HGETALL', key('task', str(seq)))
  local texts = redis.pcall('HGETALL', key('text', str(seq)))
  if flat.err or texts.err then
    unreadable(seq, 'it is of another type')
  end
  return flat, texts
end

-- The task of this number, the same table for the whole script; nil: there is none.
function tasks.load(seq)
  if not seq then
    return nil
  end
  seq = tonumber(seq)
  if not seq then
    return nil -- no number of ours: what somebody else put into an index
  end
  local known = tasks.loaded[seq]
  if known ~= nil then
    return known or nil
  end
  local flat, texts = read_kept(seq)
  local task = #flat > 0 and parse(seq, flat, texts) or false
  tasks.loaded[seq] = task
  return task or nil
end

-- The task of this id, a job's or that of an album's track; nil: there is none.
function tasks.named(id)
  local job_id, position = string.match(id, '^(.*)%.(%d+)$')
  local seq = call('HGET', key('ids'), job_id or id)
  if seq and position then
    seq = call('ZRANGEBYSCORE', key('album', seq, 'tracks'), position, position)[1]
  end
  return seq and tasks.load(seq) or nil
end

local function remember(task)
  if task._was then
    return
  end
  tasks.load(task.parent) -- an album that cannot be read is found before anything of its track is written
  task._was = setmetatable({}, { __index = task })
  tasks.dirty[#tasks.dirty + 1] = task
end

-- Put one field; nil is its usual value. Answers whether it is another than before.
function tasks.put(task, name, value)
  local before, usual = task[name], USUAL[name]
  if value == nil then
    value = usual
  end
  if value == before then
    return false
  end
  remember(task)
  if rawget(task._was, name) == nil then
    task._was[name] = before or false
  end
  if not AT_REST[name] and not TEXTS[name] then
    task._moved = true
  end
  task[name] = value ~= usual and value or nil
  return true
end

-- A new task out of these fields, with the next number.
function tasks.create(fields)
  local task = setmetatable({ _new = true, seq = queue.number('seq') }, Row)
  tasks.loaded[task.seq] = task
  remember(task)
  task._was.seq = false
  for name, value in pairs(fields) do
    tasks.put(task, name, value)
  end
  return task
end

-- Take the record away; `places` does the rest when it is written.
function tasks.drop(task)
  remember(task)
  task._gone, task._moved = true, true
  tasks.loaded[task.seq] = false
end

local function kept(value)
  return type(value) == 'number' and str(value) or value
end

local function write_fields(name, pairs_to_set, names_to_drop)
  if #pairs_to_set > 0 then
    call('HSET', name, unpack(pairs_to_set))
  end
  if #names_to_drop > 0 then
    call('HDEL', name, unpack(names_to_drop))
  end
end

-- Write the record itself.
function tasks.write(task)
  local seq = str(task.seq)
  if task._gone then
    call('DEL', key('task', seq), key('text', seq))
    return
  end
  local set, drop, said, unsaid = {}, {}, {}, {}
  for name, before in pairs(task._was) do
    local into, out = set, drop
    if TEXTS[name] then
      into, out = said, unsaid
    end
    local value = rawget(task, name)
    if value == nil and before and before ~= USUAL[name] then
      out[#out + 1] = name
    elseif value ~= nil and value ~= before then
      into[#into + 1], into[#into + 2] = name, kept(value)
    end
  end
  write_fields(key('task', seq), set, drop)
  write_fields(key('text', seq), said, unsaid)
end

-- Small questions that one record answers by itself.

local function is_final(task)
  return FINAL[task.state] or false
end

local function is_album(task)
  return task.type == 'album'
end

local function is_suspect(task)
  return task.stalls >= STALLS_TO_SUSPECT
end

-- Whether it is an album whose track list is fixed, and whether that list holds now (it is not being asked for again).
local function is_resolved(task)
  return task.track_count > 0
end

local function is_listed(task)
  return is_resolved(task) and (is_final(task) or task.state == 'waiting' or task.came_from == 'waiting')
end

local function job_of(task)
  return task.parent and string.match(task.id, '^(.*)%.%d+$') or task.id
end

-- A track for people: `03 Blue`, by track number or else by place.
local function label_of(task)
  local number = string.format('%02.0f', task.track_number or task.position or 0)
  return number .. ' ' .. (task.track_title or str(task.catalog_id))
end

-- The number of the present attempt, or of the newest: at a track, or at the list of an album.
local function attempt_of(task)
  return 1 + (is_album(task) and task.resolve_retries or task.retry_count)
end

local function album_of(task)
  return tasks.load(task.parent)
end

-- Whether it is a track of an album that is deleted.
local function is_orphan(task)
  return task.parent ~= nil and album_of(task) == nil
end

-- The record as a flat list of names and values, with its texts: what readers get.
local function flat_of(task)
  local flat = {}
  for name, value in pairs(task) do
    if not MARKS[name] then
      flat[#flat + 1], flat[#flat + 2] = name, kept(value)
    end
  end
  return flat
end

-- The same of a record that nobody needs to understand here, without its album's tracks; nil: there is no such track
-- job, or it is an album.
function tasks.flat_track(seq)
  local flat, texts = read_kept(seq)
  for place = 1, #flat, 2 do
    if flat[place] == 'type' and flat[place + 1] ~= 'track' then
      return nil
    end
  end
  for place = 1, #texts, 2 do
    if TEXTS[texts[place]] then
      flat[#flat + 1], flat[#flat + 2] = texts[place], texts[place + 1]
    end
  end
  if #flat > 0 then
    flat[#flat + 1], flat[#flat + 2] = 'seq', str(seq)
    return flat
  end
end
