-- crashes: freeing the claim of a worker that is gone, judged by how far it came.
--
-- What counts is only what goes beyond all claims before it: a later phase, or more bytes of the transfer. A claim that
-- did not go beyond is a stall. Two stalls in a row make a suspect, which runs alone; three more, and it fails as
-- `crashed`.

local STALLS_TO_CRASH = 3
local RECOVERED = 'Recovered from crash'

local function crash(task, worker)
  local message = 'Crashed: the worker died or stopped answering ' .. str(task.stalls) .. ' times in a row while it ran'
  if is_resolved(task) then
    moves.change(task, { stalls = 0 })
    albums.keep_list(task, 'crashed', message)
    return
  end
  moves.move(task, 'failed', { error = message, failure_code = 'crashed' })
  moves.blame(task, message)
  moves.note(task, 'failed', { code = 'crashed', message = message, worker = worker })
  moves.discard_stage(task)
  albums.close_if_done(album_of(task))
end

-- End a claim; the task is ready again, or what was wanted happens. *mark*: {phase, bytes, total} left on disk, or nil.
local function free_claim(task, mark, charge)
  if mark then
    local untold = mark[2] - task.bytes_done
    moves.change(task, reach(task, unpack(mark)))
    bytes.count(task.client, untold)
  end
  if task.best_phase ~= task.high_phase or task.best_bytes ~= task.high_bytes then
    moves.change(task, { stalls = 0 })
  elseif charge then
    moves.change(task, { stalls = task.stalls + 1 })
  end
  local worker = task.worker
  local cancel, pause = wanted_of(task)
  moves.take_claim(task)
  if cancel or is_orphan(task) then
    moves.move(task, 'cancelled')
    moves.note(task, 'cancelled')
    moves.discard_stage(task)
    if is_resolved(task) then
      albums.begin(task, 'cancel') -- it was resolved again: its tracks follow, half a list goes
    end
  elseif task.stalls >= STALLS_TO_SUSPECT + STALLS_TO_CRASH then
    crash(task, worker)
  elseif pause and not task.parent then
    moves.note(task, 'recovered', { message = RECOVERED, worker = worker })
    moves.move(task, 'paused', { came_from = 'ready' })
    moves.note(task, 'paused')
  else
    moves.note(task, 'recovered', { message = RECOVERED, worker = worker })
    moves.move(task, 'ready')
    moves.tell(task)
  end
  places.flush()
  return task.state
end
