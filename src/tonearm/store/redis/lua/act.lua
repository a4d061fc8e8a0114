#!lua flags=allow-oom
-- act: what people ask of a job: cancel, pause, resume, retry, prioritize, delete.
-- needs: queue tasks later filed fair places moves bytes held endings missing albums snapshots
-- KEYS  1 meta
-- ARGV  1-3 time  4 action  5 job id  6 priority (its place: 0 high, 1 normal, 2 low) | how long to keep a deleted
--       job, ms  7 '' | the only final state in which a job may be deleted
-- Reply {'1' if the job was unfinished, else ''}
-- Refused  NOT_FOUND id | WRONG_STATE reason state
-- Cost  O(log n), and for an album at most a page of its tracks; the rest is done by sweeps.

local acts = {}

local function refuse_committed(task)
  if task.publication then
    refuse('WRONG_STATE', 'too_late', task.state)
  end
end

function acts.cancel(task)
  if task.state == 'cancelled' or task.cancel_wanted == 1 then
    return
  elseif is_final(task) then
    refuse('WRONG_STATE', 'cancel', task.state)
  end
  refuse_committed(task)
  if task.state == 'active' then
    moves.change(task, { cancel_wanted = 1, pause_wanted = 0 })
    moves.note(task, 'cancel_requested')
    moves.tell(task)
    return
  end
  moves.move(task, 'cancelled')
  moves.note(task, 'cancelled')
  moves.discard_stage(task)
  if is_resolved(task) then
    albums.begin(task, 'cancel')
  end
end

function acts.pause(task)
  if task.state == 'paused' or task.pause_wanted == 1 then
    return
  elseif is_final(task) then
    refuse('WRONG_STATE', 'pause', task.state)
  elseif task.cancel_wanted == 1 then
    refuse('WRONG_STATE', 'pause_cancelled', task.state)
  end
  refuse_committed(task)
  if task.state == 'active' then
    moves.change(task, { pause_wanted = 1 })
    moves.note(task, 'pause_requested')
    moves.tell(task)
    return
  end
  moves.move(task, 'paused', { came_from = task.state, due_at = task.due_at or false })
  moves.note(task, 'paused')
end

function acts.resume(task)
  if is_final(task) then
    refuse('WRONG_STATE', 'resume', task.state)
  elseif task.pause_wanted == 1 then
    moves.change(task, { pause_wanted = 0 })
    moves.tell(task)
  elseif task.state == 'paused' and task.came_from then
    moves.move(task, task.came_from, { due_at = task.due_at or false })
  else
    return
  end
  moves.note(task, 'resumed')
end

local function retry_resolved(task)
  local again = task.unlisted > 0
  local anew = merged(FRESH, { outcome = false, started_at = not again and queue.now or false,
    retry_count = task.retry_count - task.resolve_retries, resolve_retries = 0 })
  moves.move(task, again and 'ready' or 'waiting', anew)
  moves.note(task, 'retried')
  albums.begin(task, 'retry')
end

function acts.retry(task)
  if not is_final(task) then
    refuse('WRONG_STATE', 'retry_unfinished', task.state)
  elseif task.state == 'completed' and task.outcome ~= 'partial' then
    refuse('WRONG_STATE', 'retry_whole', task.state)
  elseif task.entered < task.track_count then
    refuse('WRONG_STATE', 'retry_coming', task.state)
  elseif is_resolved(task) then
    retry_resolved(task)
    return
  end
  moves.move(task, 'ready', merged(FRESH, {
    retry_count = 0, resolve_retries = 0, chore = false, chore_position = false,
  }))
  moves.note(task, 'retried')
end

function acts.prioritize(task)
  if is_final(task) then
    refuse('WRONG_STATE', 'prioritize', task.state)
  elseif moves.change(task, { priority = tonumber(ARGV[6]) }) then
    moves.tell(task)
  end
end

-- Keep what people see of the job for a while, as it is told by `snapshots`; its reader shows it as cancelled.
local function erect_tombstone(task, keep_ms)
  if not is_final(task) then
    moves.note(task, 'cancelled')
  end
  moves.note(task, 'deleted')
  places.flush()
  local shown = cjson.encode({
    at = queue.now, seen = snapshots.of_job(task, snapshots.SHORT, true), reports = snapshots.reports(),
  })
  call('HSET', key('tombstones'), task.id, shown)
  call('ZADD', key('tombstones_until'), queue.now + keep_ms, task.id)
end

function acts.delete(task)
  if ARGV[7] ~= '' and task.state ~= ARGV[7] then
    refuse('WRONG_STATE', 'delete', task.state)
  end
  local keep_ms = tonumber(ARGV[6]) or 0
  if keep_ms > 0 then
    erect_tombstone(task, keep_ms)
  else
    if not is_final(task) then
      moves.say(task, 'cancelled')
    end
    moves.say(task, 'deleted')
  end
  albums.remove(task, PAGE)
end

return queue.run(function()
  local task = find_job(ARGV[5])
  local unfinished = not is_final(task)
  acts[ARGV[4]](task)
  return { unfinished and '1' or '' }
end, places.finish)
