-- endings: what stays of the claims of deleted tasks until their workers have stopped.
--
-- `ending:<token>` has task, worker, epoch, stage, lease_until (absent once it has ended), client, the bytes that it
-- received, and the key of the library name that it may still publish under. They stand in `endings` by lease, in
-- `endings_of:<worker>`, and, ended, in `endings_over`.

local endings = {}

local ENDS_WITH_STAGE = { retry = true, released = true, paused = true }

-- Let the claim of a task that is being removed come to its end; without one, have its stage removed.
function endings.leave(task)
  if not task.token then
    moves.discard_stage(task)
    return
  end
  local name_key = task.publication and task.reserved_key or nil
  local fields = {
    'task', task.id, 'worker', task.worker, 'epoch', str(task.epoch), 'stage', task.stage_worker and '1' or '0',
    'lease_until', str(task.lease_until), 'client', task.client, 'received', str(task.received),
  }
  if name_key then
    fields[#fields + 1], fields[#fields + 2] = 'key', name_key
    call('HINCRBY', key('ending_names'), name_key, 1)
  end
  call('HSET', key('ending', task.token), unpack(fields))
  call('ZADD', key('endings'), task.lease_until, task.token)
  call('SADD', key('endings_of', task.worker), task.token)
end

-- The id of the deleted task that this worker has to stop, if the token is that of its claim.
function endings.wanted(worker, token)
  local got = call('HMGET', key('ending', token), 'task', 'worker', 'lease_until')
  return got[1] and got[2] == worker and got[3] and got[1] or nil
end

-- Count what a claim that is ending has received in all, as far as that was not counted: deleting a job hides no byte.
local function count_received(token, total)
  local got = call('HMGET', key('ending', token), 'client', 'received')
  local size = (tonumber(total) or 0) - (tonumber(got[2]) or 0)
  if got[1] and size > 0 then
    call('HSET', key('ending', token), 'received', str(tonumber(total)))
    bytes.count(got[1], size)
  end
end

function endings.renew(worker, token, lease_until, total)
  if not endings.wanted(worker, token) then
    return false
  end
  count_received(token, total)
  call('HSET', key('ending', token), 'lease_until', str(lease_until))
  call('ZADD', key('endings'), 'XX', lease_until, token)
  return true
end

local function close(token, worker, name_key)
  call('ZREM', key('endings'), token)
  call('SREM', key('endings_of', worker or ''), token)
  if name_key and call('HINCRBY', key('ending_names'), name_key, -1) <= 0 then
    call('HDEL', key('ending_names'), name_key)
  end
end

-- End the claim of a deleted task, whatever came of it; false when it is none. Again is harmless.
function endings.settle(task_id, token, kind, mark)
  local task = holder_of(token)
  if task and task.id == task_id and is_orphan(task) then
    endings.leave(task)
    moves.drop(task)
  end
  local name = key('ending', token)
  local got = call('HMGET', name, 'task', 'worker', 'epoch', 'stage', 'lease_until', 'key')
  if got[1] ~= task_id then
    return false
  end
  if got[5] then
    count_received(token, mark and mark[4])
    close(token, got[2], got[6])
    call('HDEL', name, 'lease_until', 'key')
    call('ZADD', key('endings_over'), queue.now, token)
    if got[4] == '1' and ENDS_WITH_STAGE[kind] then -- the others are said when the stage is gone
      moves.discard(got[2], task_id, tonumber(got[3]))
    end
  end
  return true
end

local function give_up(tokens)
  for _, token in ipairs(tokens) do
    local name = key('ending', token)
    local got = call('HMGET', name, 'task', 'worker', 'epoch', 'stage', 'key')
    close(token, got[2], got[5])
    call('DEL', name)
    if got[1] then
      moves.remember_taken(token, got[1])
    end
    if got[4] == '1' then
      moves.discard(got[2], got[1], tonumber(got[3]))
    end
  end
  return #tokens
end

-- Give up claims whose leases ran out, at most *limit*; answers how many.
function endings.expire(limit)
  return give_up(call('ZRANGEBYSCORE', key('endings'), '-inf', str(queue.now), 'LIMIT', 0, limit))
end

-- Give up the claims of a dead worker, at most *limit*; answers how many.
function endings.recover(worker, limit)
  if limit <= 0 then
    return 0
  end
  local tokens = call('SRANDMEMBER', key('endings_of', worker), limit)
  return give_up(tokens)
end

-- Whether a claim that is ending may still publish under the name with this key.
function endings.publishes(name_key)
  return call('HEXISTS', key('ending_names'), name_key) == 1
end
