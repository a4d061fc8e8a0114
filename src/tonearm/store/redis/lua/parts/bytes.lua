-- bytes: how many of them each client received in 24 hours, in buckets of a quarter of an hour (store/allowance.py).
--
-- `received:<client>` has bytes by the number of the bucket; those that do not count any more go when a new one begins.
-- In `receivers` each client stands by the beginning of its newest bucket.

local bytes = {}

local WINDOW_MS, BUCKET_MS = 86400000, 900000

local function first_counted()
  return math.floor((queue.now - WINDOW_MS) / BUCKET_MS)
end

-- The buckets of a client that count, oldest first, as {number, bytes}; their sum; the names of the others.
local function buckets_of(client)
  local counted, sum, old, kept = {}, 0, {}, call('HGETALL', key('received', client))
  for place = 1, #kept, 2 do
    local number, size = tonumber(kept[place]), tonumber(kept[place + 1]) or 0
    if number and number >= first_counted() then
      counted[#counted + 1] = { number, size }
      sum = sum + size
    else
      old[#old + 1] = kept[place]
    end
  end
  table.sort(counted, function(one, other)
    return one[1] < other[1]
  end)
  return counted, sum, old
end

-- Count so many bytes that a client has received.
function bytes.count(client, size)
  if size <= 0 then
    return
  end
  local name, number = key('received', client), math.floor(queue.now / BUCKET_MS)
  if call('HSETNX', name, str(number), str(size)) == 0 then
    if type(redis.pcall('HINCRBY', name, str(number), str(size))) == 'table' then -- it was no number any more
      call('HSET', name, str(number), str(size))
    end
    return
  end
  call('ZADD', key('receivers'), str(number * BUCKET_MS), client)
  local _, _, old = buckets_of(client)
  if #old > 0 then
    call('HDEL', name, unpack(old))
  end
end

-- Count what a claim has received in all, as far as that was not counted yet. Again counts nothing.
function bytes.note(task, total)
  local size = (tonumber(total) or 0) - task.received
  if size > 0 then
    moves.change(task, { received = task.received + size })
    bytes.count(task.client, size)
  end
end

-- How long a client has to wait, ms, until it has received less than so many bytes (0: no limit); nil: it need not.
function bytes.wait(client, allowed)
  if allowed == 0 then
    return nil
  end
  local buckets, left = buckets_of(client)
  local last
  for _, bucket in ipairs(buckets) do
    if left < allowed then
      break
    end
    left, last = left - bucket[2], bucket[1]
  end
  return last and (last + 1) * BUCKET_MS + WINDOW_MS - queue.now
end
