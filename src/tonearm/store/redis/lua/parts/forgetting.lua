-- forgetting: what is dropped when it is old enough, at most a page of each kind.

local forgetting = {}

local RATE_WINDOW_MS = 60000
local WORKER_AGE_MS = 86400000
local NOTICE_AGE_MS = 86400000
local DELIVERY_AGE_MS = 172800000
local DELIVERED_AGE_MS = 604800000
local RECEIVED_AGE_MS = 87300000 -- of the beginning of a bucket that does not count any more

-- The members of an ordered set that are at least so old, and what else goes with each.
local function drop(name, age_ms, also_drop)
  local members = call('ZRANGEBYSCORE', name, '-inf', str(queue.now - age_ms), 'LIMIT', 0, PAGE)
  for _, member in ipairs(members) do
    call('ZREM', name, member)
    also_drop(member)
  end
  return #members == PAGE
end

local function nothing() end

local function old_events()
  local last
  local events = call('XRANGE', key('events'), '-', '+', 'COUNT', PAGE)
  for _, event in ipairs(events) do
    if tonumber(event[2][6]) > queue.now - FEED_AGE_MS then
      break
    end
    last = event[1]
  end
  if last then
    call('XTRIM', key('events'), 'MINID', string.match(last, '^%d+') .. '-1')
    if call('XLEN', key('events')) == 0 then
      call('DEL', key('events'))
    end
  end
  return #events == PAGE and last == events[#events][1]
end

local function old_discards()
  local more = false
  for _, owner in ipairs(call('SMEMBERS', key('discarders'))) do
    local name = key('discards', owner)
    more = drop(name, FEED_AGE_MS, nothing) or more
    if call('EXISTS', name) == 0 then
      call('SREM', key('discarders'), owner)
    end
  end
  return more
end

local function empty_window(client)
  call('DEL', key('rate', client))
end

local function drop_received(client)
  call('DEL', key('received', client))
end

local function drop_taken(token)
  call('HDEL', key('taken'), token)
end

local function drop_answer(name)
  call('HDEL', key('answered'), name)
end

local function drop_ending(token)
  call('DEL', key('ending', token))
end

local function drop_tombstone(job_id)
  call('HDEL', key('tombstones'), job_id)
end

local function drop_worker(worker)
  call('DEL', key('worker', worker))
  call('HDEL', key('reports'), worker)
end

-- Answers whether there is more.
function forgetting.old()
  local more = { old_events(), old_discards(),
    drop(key('rates'), RATE_WINDOW_MS, empty_window),
    drop(key('receivers'), RECEIVED_AGE_MS, drop_received),
    drop(key('taken_at'), FEED_AGE_MS, drop_taken),
    drop(key('endings_over'), FEED_AGE_MS, drop_ending),
    drop(key('answered_at'), GONE_AGE_MS, drop_answer),
    drop(key('tombstones_until'), 0, drop_tombstone),
    drop(key('gone'), GONE_AGE_MS, nothing),
    drop(key('notices'), NOTICE_AGE_MS, nothing),
    drop(key('deliveries'), DELIVERY_AGE_MS, deliveries.drop),
    drop(key('deliveries_over'), DELIVERED_AGE_MS, deliveries.drop),
    drop(key('arriving'), GONE_AGE_MS, pages.forget_arriving),
    drop(key('beats'), WORKER_AGE_MS, drop_worker),
  }
  for _, one in ipairs(more) do
    if one then
      return true
    end
  end
  return false
end
