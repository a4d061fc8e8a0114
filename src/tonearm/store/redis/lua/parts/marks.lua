-- marks: how far a claim has come. A mark is given as {phase, bytes done, bytes in all or '', bytes received}.

local TRANSFER = 1

-- Record a mark: what people see, and the best that was reached so far.
local function reach(task, phase, bytes_done, bytes_total)
  phase, bytes_done, bytes_total = tonumber(phase), tonumber(bytes_done), tonumber(bytes_total)
  local best_phase, best_bytes = task.best_phase, task.best_bytes
  if phase > best_phase then
    best_phase = phase
    if phase == TRANSFER then
      best_bytes = bytes_done
    end
  elseif phase == TRANSFER and best_phase == TRANSFER then
    best_bytes = math.max(best_bytes, bytes_done)
  end
  return {
    bytes_done = bytes_done,
    bytes_total = bytes_total or task.bytes_total or false,
    best_phase = best_phase,
    best_bytes = best_bytes,
  }
end
