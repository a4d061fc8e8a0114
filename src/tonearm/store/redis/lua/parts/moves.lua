-- moves: the only way from one state to another, and what is told of it.
--
-- `false` in the values of a change takes a field back to its usual value.

local moves = {}

local ARROWS = {
  ready = { active = true, paused = true, cancelled = true, failed = true },
  delayed = { ready = true, paused = true, cancelled = true, failed = true },
  active = {
    ready = true, delayed = true, waiting = true, paused = true, completed = true, failed = true, cancelled = true,
  },
  waiting = { paused = true, cancelled = true, completed = true, failed = true },
  paused = {
    ready = true, delayed = true, waiting = true, cancelled = true, completed = true, failed = true,
  },
  completed = { ready = true, waiting = true },
  failed = { ready = true, waiting = true },
  cancelled = { ready = true, waiting = true },
}
local OF_AN_ATTEMPT = {
  started = true, resolved = true, delayed = true, released = true, recovered = true, failed = true, completed = true,
  cancelled = true, paused = true,
}
local TOLD_TO_ALBUM = { recovered = true, delayed = true, released = true, failed = true }
local OF_A_CLAIM = { 'token', 'worker', 'lease_until', 'cancel_wanted', 'pause_wanted' }
local HISTORY_LIMIT = 50

-- What a retry brings back to what it was before the first attempt, without the counts of retries.
local FRESH = {
  started_at = false, cancel_wanted = 0, bytes_done = 0, bytes_total = false, best_phase = 0, best_bytes = 0,
  high_phase = 0, high_bytes = 0, stalls = 0, corrupt_count = 0, error = false, last_error = false,
  failure_code = false, publication = false,
}
-- What a track brought, as it is before it brought anything.
local OUTCOME = { files = false, warnings = false, file_count = 0, size = 0, download_ms = 0 }

local function merged(...)
  local all = {}
  for _, values in ipairs({ ... }) do
    for name, value in pairs(values) do
      all[name] = value
    end
  end
  return all
end

-- Put fields of a task; answers whether anything is new. States are for `moves.move`.
function moves.change(task, values)
  local news = false
  for name, value in pairs(values) do
    if tasks.put(task, name, value or nil) then
      news = true
    end
  end
  if news then
    tasks.put(task, 'updated_at', queue.now)
  end
  return news
end

-- Give up the library name that a task holds.
local function free_name(task)
  local name_key = task.reserved_key
  if name_key then
    if call('HGET', key('names'), name_key) == str(task.seq) then
      call('HDEL', key('names'), name_key)
    end
    tasks.put(task, 'reserved', nil)
    tasks.put(task, 'reserved_key', nil)
  end
end

-- Bring a task into another state. What a state implies is set here: no claim outside active, no flag, no due time
-- unless it is given, a time of end in a final state, and no reservation of a job that is final.
function moves.move(task, to, values)
  if not ARROWS[task.state][to] then
    error(task.id .. ': no arrow leads from ' .. task.state .. ' to ' .. to)
  end
  local quiet = task.parent and (to == 'active' or to == 'ready')
  if FINAL[to] and not task.parent then
    free_name(task)
  end
  if task.state == 'active' then
    for _, name in ipairs(OF_A_CLAIM) do
      tasks.put(task, name, nil)
    end
  end
  tasks.put(task, 'state', to)
  tasks.put(task, 'came_from', nil)
  tasks.put(task, 'due_at', nil)
  tasks.put(task, 'finished_at', FINAL[to] and queue.now or nil)
  tasks.put(task, 'updated_at', queue.now)
  if values then
    moves.change(task, values)
  end
  if not quiet then
    queue.tell(job_of(task), 'job')
  end
end

function moves.tell(task)
  queue.tell(job_of(task), 'job')
end

-- Enter a new task.
function moves.add(fields)
  local task = tasks.create(fields)
  moves.tell(task)
  return task
end

-- Remove a task's record with all that stands beside it. What becomes of its stage is the caller's business.
function moves.drop(task)
  free_name(task)
  if not task.parent then
    call('DEL', key('history', str(task.seq)))
    if task.entered < task.track_count then
      call('UNLINK', key('arrived', str(task.seq)))
      call('ZREM', key('arrived'), str(task.seq))
    end
    queue.tell(task.id, 'removed')
  end
  tasks.drop(task)
end

-- Ask a worker to remove a stage that nobody wants.
function moves.discard(worker, task_id, epoch)
  call('ZADD', key('discards', worker), 'NX', queue.now, task_id .. ' ' .. str(epoch))
  call('SADD', key('discarders'), worker)
end

function moves.discard_stage(task)
  if task.stage_worker then
    moves.discard(task.stage_worker, task.id, task.epoch)
    moves.change(task, { stage_worker = false })
  end
end

-- Remember whose claim is taken away, so that a poll can name the task that is lost.
function moves.remember_taken(token, task_id)
  if call('HSETNX', key('taken'), token, task_id) == 1 then
    call('ZADD', key('taken_at'), queue.now, token)
  end
end

function moves.take_claim(task)
  if task.token then
    moves.remember_taken(task.token, task.id)
  end
end

-- Say why the newest attempt came to nothing: in the task, and by its name in its album.
function moves.blame(task, message)
  moves.change(task, { last_error = message })
  local album = album_of(task)
  if album then
    moves.change(album, { last_error = label_of(task) .. ': ' .. message })
  end
end

local function event_of(line)
  local fine, told = pcall(cjson.decode, line or '')
  return fine and type(told) == 'table' and told.event or nil
end

local function last_event(job)
  return event_of(call('LINDEX', key('history', str(job.seq)), -1))
end

-- Let the log tell what happened to a task; of a new one, what it is to bring. *line*: message, code, worker.
function moves.say(task, event, line)
  local wanted = event == 'submitted' and task.type .. ' ' .. str(task.catalog_id) .. ' ' .. task.quality or ''
  queue.happened[#queue.happened + 1] = {
    task.id, str(task.epoch), task.client, str(attempt_of(task)), str(queue.now), event,
    line and line.message or wanted, line and line.code or '', line and line.worker or '',
  }
end

-- Add a line to the history of the task's job; of a track only what is worth telling of it, with its name. Tracks that
-- are released one after the other are one line of their album. The log tells all. *line*: message, code, worker.
function moves.note(task, event, line)
  moves.say(task, event, line)
  line = line or {}
  local job, message = task, line.message
  if task.parent then
    job = album_of(task)
    if not TOLD_TO_ALBUM[event] or (event == 'released' and job and last_event(job) == event) then
      return
    end
    message = label_of(task) .. ': ' .. message
  end
  if not job then
    return
  end
  local attempt = OF_AN_ATTEMPT[event] and not is_listed(task) and attempt_of(task) or nil
  local text = cjson.encode({
    at = queue.now, event = event, attempt = attempt, code = line.code, message = message, worker = line.worker,
  })
  local name = key('history', str(job.seq))
  if call('RPUSH', name, text) > HISTORY_LIMIT then
    call('LTRIM', name, -HISTORY_LIMIT, -1)
  end
  tasks.put(job, 'updated_at', queue.now)
end

-- Drop the wait before this one from a job's history if nothing happened in between, so that its story stays.
function moves.forget_wait(job)
  local name = key('history', str(job.seq))
  local lines = call('LRANGE', name, -2, -1)
  if #lines == 2 and event_of(lines[1]) == 'released' and event_of(lines[2]) == 'started' then
    call('LTRIM', name, 0, -3)
  end
end
