-- deliveries: bodies on their way to an address, until they are received or given up (store/notices.py).
--
-- Each is a hash by its id. By its place, `number:id`, it stands in `deliveries` by when it was made and in
-- `deliveries_due:<target>` by when it is due, and, when it is over, in `deliveries_over` by when that was.

local deliveries = {}

local DELIVERIES_LIMIT = 10000
local LOG_LIMIT = 200

function deliveries.name_of(place)
  return key('delivery', string.match(place, ':(.*)$'))
end

-- Enter one that is due at once, unless its id is known.
function deliveries.add(id, target, shown, topic, body)
  local name = key('delivery', id)
  if call('EXISTS', name) == 1 then
    return
  end
  local now, place = str(queue.now), pad(queue.number('delivery')) .. ':' .. id
  call('HSET', name, 'id', id, 'place', place, 'target', target, 'shown', shown, 'topic', topic, 'body', body,
    'at', now, 'attempts', '0', 'due_at', now)
  call('ZADD', key('deliveries'), now, place)
  call('ZADD', key('deliveries_due', target), now, place)
end

function deliveries.drop(place)
  local name = deliveries.name_of(place)
  local target = call('HGET', name, 'target')
  call('DEL', name)
  call('ZREM', key('deliveries'), place)
  call('ZREM', key('deliveries_over'), place)
  if target then
    call('ZREM', key('deliveries_due', target), place)
  end
end

-- Drop those that were made first and wait, beyond the limit; answers how many.
function deliveries.keep_to_limit()
  local many = call('ZCARD', key('deliveries')) - DELIVERIES_LIMIT
  if many <= 0 then
    return 0
  end
  for _, place in ipairs(call('ZRANGE', key('deliveries'), 0, many - 1)) do
    deliveries.drop(place)
  end
  return many
end

function deliveries.delay(name, place, target, due_at)
  call('HSET', name, 'due_at', str(due_at))
  call('ZADD', key('deliveries_due', target), str(due_at), place)
end

-- One has come to its end; it is remembered without its body, and the oldest such one is not any more.
function deliveries.finish(name, place, target, received)
  call('HDEL', name, 'body', 'due_at')
  call('HSET', name, 'over_at', str(queue.now), 'received', received and '1' or '0')
  call('ZREM', key('deliveries'), place)
  call('ZREM', key('deliveries_due', target), place)
  call('ZADD', key('deliveries_over'), str(queue.now), place)
  local many = call('ZCARD', key('deliveries_over')) - LOG_LIMIT
  if many > 0 then
    deliveries.drop(call('ZRANGE', key('deliveries_over'), 0, 0)[1])
  end
end
