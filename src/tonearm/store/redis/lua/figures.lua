#!lua flags=no-writes
-- figures: the counters, when the oldest unfinished job was submitted, the workers, how the queue is steered, and how
--          many jobs pruning would remove.
-- needs: queue tasks steering
-- KEYS  1 meta
-- ARGV  1-3 time  4 what: counters | oldest | workers | control | prunable
--       prunable: 5 retention of completed jobs, ms  6 of failed ones and partial albums  7 of cancelled ones
-- Reply counters: {name, value, …}; oldest: {created_at or ''}; control: control;
--       workers: {reports, id, beat, {name, value, …}, …}; prunable: {completed, failed, cancelled}
-- Cost  O(1), for the workers O(their number), for prunable O(log n).

local figures = {}

local WORKER_AGE_MS = 86400000

function figures.counters()
  return call('HGETALL', key('counters'))
end

function figures.oldest()
  local seq = call('ZRANGE', key('unfinished'), 0, 0)[1]
  local task = seq and tasks.load(seq)
  return { task and str(task.created_at) or '' }
end

function figures.workers()
  local reply = { call('HVALS', key('reports')) }
  local since = '(' .. str(queue.now - WORKER_AGE_MS)
  local beats = call('ZREVRANGEBYSCORE', key('beats'), '+inf', since, 'WITHSCORES', 'LIMIT', 0, PAGE)
  for place = 1, #beats, 2 do
    reply[#reply + 1], reply[#reply + 2] = beats[place], beats[place + 1]
    reply[#reply + 1] = call('HGETALL', key('worker', beats[place]))
  end
  return reply
end

figures.control = control

local function older(shelf, retention_ms)
  local before = '(' .. pad(math.max(0, queue.now - tonumber(retention_ms)))
  return call('ZLEXCOUNT', key('finished', shelf), '-', before)
end

function figures.prunable()
  local failed = older('failed', ARGV[6]) + older('partial', ARGV[6])
  return { str(older('completed', ARGV[5])), str(failed), str(older('cancelled', ARGV[7])) }
end

return queue.run(function()
  return figures[ARGV[4]]()
end)
