#!lua
-- submit: add a job, or answer the one that it repeats. Like `take_in`, and no other script, a full Redis refuses it.
-- needs: queue tasks fair places moves remembered
-- KEYS  1 meta
-- ARGV  1-3 time  4 record, JSON: the fields of the new task  5 check_duplicate  6 rate a minute (0: none)
--       7 unfinished jobs of the client (0: no limit)  8 of the queue (0: no limit)
-- Reply {id, '1' if it is another job's}
-- Refused  RATE wait_ms | CLIENT_FULL unfinished | QUEUE_FULL unfinished
-- Cost  O(log n).

local RATE_WINDOW_MS = 60000
local record = cjson.decode(ARGV[4])
local rate_limit, client_limit, queue_limit = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local function twin_of()
  local numbers = call('HGET', key('same'), places.same_field(record))
  local twin = numbers and tasks.load(string.match(numbers, '^%d+'))
  return twin and twin.id
end

local function check_rate(window)
  local start = queue.now - RATE_WINDOW_MS
  call('ZREMRANGEBYSCORE', window, '-inf', str(start))
  -- The submission that has to leave the window for another one to fit: the limit-th from the newest.
  local at = tonumber(call('ZRANGE', window, -rate_limit, -rate_limit, 'WITHSCORES')[2])
  if at then
    refuse('RATE', str(at - start))
  end
end

local function unfinished()
  local sum = 0
  for _, value in ipairs(call('HMGET', key('counters'), 'status:queued', 'status:processing', 'status:paused')) do
    sum = sum + (tonumber(value) or 0)
  end
  return sum
end

local function check_sizes()
  local own = tonumber(call('HGET', key('clients'), record.client)) or 0
  if client_limit > 0 and own >= client_limit then
    refuse('CLIENT_FULL', str(own))
  end
  local all = queue_limit > 0 and unfinished() or 0
  if queue_limit > 0 and all >= queue_limit then
    refuse('QUEUE_FULL', str(all))
  end
end

return queue.run(function()
  if is_here(record.id) or is_gone(record.id) then
    return { record.id, '' }
  end
  local twin = ARGV[5] == '1' and twin_of()
  if twin then
    return { twin, '1' }
  end
  local window = key('rate', record.client)
  if rate_limit > 0 then
    check_rate(window)
  end
  check_sizes()
  if rate_limit > 0 then
    call('ZADD', window, queue.now, str(queue.number('rate')))
    call('ZADD', key('rates'), queue.now, record.client)
  end
  record.created_at, record.updated_at = queue.now, queue.now
  local task = moves.add(record)
  moves.note(task, 'submitted')
  return { task.id, '' }
end, places.flush)
