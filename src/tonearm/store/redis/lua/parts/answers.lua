-- answers: what was answered under an idempotency key, so that a submission can be said again for a day.

local answers = {}

local KEY_AGE_MS = 86400000
local KEYS_LIMIT = 100000

-- The answer under this name of a client's key, {job id, '1' if it is another job's}; nil: none. Another digest is
-- refused.
function answers.recall(name, digest)
  local at = tonumber(call('ZSCORE', key('answered_at'), name))
  if not at or at <= queue.now - KEY_AGE_MS then
    return nil
  end
  local known, duplicate, job_id = string.match(call('HGET', key('answered'), name) or '', '^(%S+) (%d) (%S+)$')
  if known and known ~= digest then
    refuse('MISMATCH', '0')
  end
  return known and { job_id, duplicate == '1' and '1' or '' } or nil
end

-- Keep an answer; beyond the limit the oldest goes.
function answers.remember(name, digest, answer)
  local duplicate = answer[2] == '1' and '1' or '0'
  call('HSET', key('answered'), name, digest .. ' ' .. duplicate .. ' ' .. answer[1])
  call('ZADD', key('answered_at'), queue.now, name)
  if call('ZCARD', key('answered_at')) > KEYS_LIMIT then
    call('HDEL', key('answered'), call('ZPOPMIN', key('answered_at'))[1])
  end
end
