-- admission: whether there is room for new jobs, in the rate of their client, among its jobs and in the queue. What a
-- client has received, `bytes` knows.

local admission = {}

local RATE_WINDOW_MS = 60000
local UNFINISHED = { 'status:queued', 'status:processing', 'status:paused' }

-- Refuse so many submissions of a client beyond so many a minute (0: no limit), with further words for the refusal.
function admission.check_rate(client, limit, count, ...)
  if limit == 0 or count == 0 then
    return
  elseif count > limit then
    refuse('RATE', str(RATE_WINDOW_MS), ...)
  end
  local window, start = key('rate', client), queue.now - RATE_WINDOW_MS
  call('ZREMRANGEBYSCORE', window, '-inf', str(start))
  -- The submission that has to leave the window for these to fit: for one the limit-th from the newest.
  local place = count - limit - 1
  local at = tonumber(call('ZRANGE', window, place, place, 'WITHSCORES')[2])
  if at then
    refuse('RATE', str(at - start), ...)
  end
end

-- Count so many submissions, where there is a limit.
function admission.spend(client, limit, count)
  if limit == 0 or count == 0 then
    return
  end
  for _ = 1, count do
    call('ZADD', key('rate', client), queue.now, str(queue.number('rate')))
  end
  call('ZADD', key('rates'), queue.now, client)
end

-- Unfinished jobs of a client.
function admission.own(client)
  return (tonumber(call('HGET', key('clients'), client)) or 0) + later.pending(key('clients'), client)
end

-- Unfinished jobs of all.
function admission.all()
  local sum, counters = 0, key('counters')
  for place, value in ipairs(call('HMGET', counters, unpack(UNFINISHED))) do
    sum = sum + (tonumber(value) or 0) + later.pending(counters, UNFINISHED[place])
  end
  return sum
end
