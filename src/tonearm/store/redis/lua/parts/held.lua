-- held: whether a claim is current, and what is wanted of it. What an album says wins over its tracks' own records.

-- The job of this id; a track of an album is not a job.
local function find_job(job_id)
  local seq = call('HGET', key('ids'), job_id)
  local task = seq and tasks.load(seq)
  if not task then
    refuse('NOT_FOUND', job_id)
  end
  return task
end

local function holder_of(token)
  local seq = call('HGET', key('tokens'), token)
  local task = seq and tasks.load(seq)
  return task and task.token == token and task or nil
end

-- The task of a current claim.
local function held_task(task_id, token)
  local task = holder_of(token)
  if not task or task.id ~= task_id or is_orphan(task) then
    refuse('LEASE_LOST', task_id, token)
  end
  return task
end

-- Whether this claim was settled and no other came since, so that settling it again is a repetition.
local function is_ended(task_id, token)
  local task = tasks.named(task_id)
  return task ~= nil and task.ended_token == token and not is_orphan(task)
end

-- Whether a cancel, and whether a pause, is wanted of an active task, by itself or by its album.
local function wanted_of(task)
  local album = album_of(task)
  if album then
    return is_final(album), album.state == 'paused'
  end
  return task.cancel_wanted == 1, task.pause_wanted == 1
end
