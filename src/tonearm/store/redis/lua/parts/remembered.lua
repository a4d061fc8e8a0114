-- remembered: whether a job of some id is here, or was.

local function is_here(job_id)
  return later.read(key('ids'), job_id) ~= false
end

-- Whether it was deleted or pruned less than a day ago, or still reads as cancelled.
local function is_gone(job_id)
  local gone = tonumber(call('ZSCORE', key('gone'), job_id))
  if gone and gone > queue.now - GONE_AGE_MS then
    return true
  end
  local kept_until = tonumber(call('ZSCORE', key('tombstones_until'), job_id))
  return kept_until ~= nil and kept_until > queue.now
end
