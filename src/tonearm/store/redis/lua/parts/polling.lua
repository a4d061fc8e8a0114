-- polling: what a claim's worker is told. It only reads, so a Redis that is full or cannot write answers it as well.

local polling = {}

-- Add the task of a token to one of the lists, or to none.
function polling.ask(worker, token, cancel, pause, lost)
  local ending = call('HMGET', key('ending', token), 'task', 'worker', 'lease_until')
  if ending[1] and ending[2] == worker and ending[3] then
    cancel[#cancel + 1] = ending[1]
    return
  end
  local task = holder_of(token)
  if not task or task.worker ~= worker then
    local taken = call('HGET', key('taken'), token)
    lost[#lost + 1] = taken or nil
  elseif is_orphan(task) then
    cancel[#cancel + 1] = task.id
  elseif not task.publication then
    local wants_cancel, wants_pause = wanted_of(task)
    if wants_cancel then
      cancel[#cancel + 1] = task.id
    elseif wants_pause then
      pause[#pause + 1] = task.id
    end
  end
end

-- Stages that nobody wants any more: the worker's own, and those of the dead, who cannot remove them.
function polling.stages_for(worker, dead_ms)
  local stages = {}
  for _, owner in ipairs(call('SMEMBERS', key('discarders'))) do
    local beat = tonumber(call('ZSCORE', key('beats'), owner))
    local alive = beat ~= nil and beat > queue.now - dead_ms
    if #stages < PAGE and (owner == worker or not alive) then
      for _, stage in ipairs(call('ZRANGE', key('discards', owner), 0, PAGE - #stages - 1)) do
        stages[#stages + 1] = stage
      end
    end
  end
  return stages
end
