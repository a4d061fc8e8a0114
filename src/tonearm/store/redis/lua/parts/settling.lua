-- settling: what becomes of a task when its claim ends.
--
-- An outcome is {kind, code, message, delay_ms, reason, files, file_count, warnings, size, download_ms}, what it has of
-- these.

local settling = {}

local function complete(task, outcome)
  moves.move(task, 'completed', {
    files = outcome.files,
    file_count = outcome.file_count,
    size = outcome.size,
    download_ms = outcome.download_ms,
    warnings = outcome.warnings or false,
    bytes_done = task.bytes_done > 0 and task.bytes_done or outcome.size,
    bytes_total = task.bytes_total or outcome.size,
    error = false,
    failure_code = false,
    stage_worker = false,
  })
  moves.note(task, 'completed')
end

local function cancel(task, kind)
  moves.move(task, 'cancelled')
  moves.note(task, 'cancelled')
  if kind == 'cancelled' or kind == 'failed' then
    moves.change(task, { stage_worker = false }) -- the worker removed the stage before it said so
  else
    moves.discard_stage(task)
  end
  if is_resolved(task) then
    albums.begin(task, 'cancel') -- it was resolved again: its tracks follow, half a list goes
  end
end

local function fail(task, code, message)
  if is_resolved(task) then
    albums.keep_list(task, code, message)
    return
  end
  moves.move(task, 'failed', { error = message, failure_code = code, publication = false, stage_worker = false })
  moves.blame(task, message)
  moves.note(task, 'failed', { code = code, message = message })
end

-- Note why it goes back; answers the delay, ms, or nil.
local function tell_why(task, outcome)
  if outcome.kind == 'retry' then
    moves.note(task, 'delayed', { code = outcome.code, message = outcome.message })
    moves.change(task, {
      retry_count = task.retry_count + 1,
      resolve_retries = task.resolve_retries + (is_album(task) and 1 or 0),
      corrupt_count = task.corrupt_count + (outcome.code == 'integrity' and 1 or 0),
    })
    moves.blame(task, outcome.message)
    return outcome.delay_ms
  elseif outcome.kind ~= 'released' then
    return nil
  end
  local delay_ms = outcome.delay_ms > 0 and outcome.delay_ms or nil
  if delay_ms then
    moves.forget_wait(task)
  end
  moves.note(task, 'released', { message = outcome.reason })
  if delay_ms then
    moves.blame(task, outcome.reason)
  end
  return delay_ms
end

-- Retry, release, or a cancel or pause that may not be wanted any more: the task is to be claimed again.
local function give_back(task, outcome, pause)
  local delay_ms = tell_why(task, outcome)
  if pause and not task.parent then
    moves.move(task, 'paused', { came_from = 'ready' })
    moves.note(task, 'paused')
  elseif not delay_ms or pause then
    moves.move(task, 'ready')
  else
    moves.move(task, 'delayed', { due_at = queue.now + delay_ms })
  end
  if outcome.kind == 'cancelled' then
    moves.change(task, { stage_worker = false })
  end
  moves.tell(task)
end

-- End a claim (`Store.settle`).
function settling.settle(task_id, token, outcome, mark)
  local task = holder_of(token)
  if not task or task.id ~= task_id or is_orphan(task) then
    if is_ended(task_id, token) then
      albums.close_if_done(album_of(tasks.named(task_id))) -- where saying it the first time came to nothing there
      return
    elseif endings.settle(task_id, token, outcome.kind, mark) then
      return
    end
    refuse('LEASE_LOST', task_id, token)
  end
  if outcome.kind == 'completed' and not task.publication then
    refuse('UNCOMMITTED', task_id)
  end
  local pending_cancel, pending_pause = wanted_of(task)
  moves.change(task, { ended_token = task.token, stalls = 0 })
  if mark then
    moves.change(task, reach(task, unpack(mark)))
    bytes.note(task, mark[4])
  end
  if outcome.kind == 'completed' then
    complete(task, outcome)
  elseif pending_cancel then
    cancel(task, outcome.kind)
  elseif outcome.kind == 'failed' then
    fail(task, outcome.code, outcome.message)
  else
    give_back(task, outcome, pending_pause)
  end
  albums.close_if_done(album_of(task))
end
