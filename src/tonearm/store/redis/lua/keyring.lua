#!lua flags=allow-oom
-- keyring: keep a key of the API or a session of one, or forget it. A client that is closed since its key allows no
-- more gets its turns again, so that the next claim judges it by what its key says now.
-- needs: queue later fair
-- KEYS  1 meta
-- ARGV  1-3 time  4 what: add | remove  5 name
--       add: 6 record, JSON  7 name of the session's key or ''  8 hash of that  9 when it was made  10 most sessions
-- Reply {'1' or ''}: whether it is kept, or was there
-- Cost  O(keys), of which there are few (model/keys.py).

local ring = key('keys')

local function read(text)
  local fine, record = pcall(cjson.decode, text or '')
  return fine and type(record) == 'table' and record or {}
end

-- The sessions of a key: {made, name, expires}, oldest first.
local function sessions(parent)
  local found, kept = {}, call('HGETALL', key('keys'))
  for place = 1, #kept, 2 do
    local record = read(kept[place + 1])
    if record.parent == parent then
      found[#found + 1] = { tonumber(record.created_at) or 0, kept[place], tonumber(record.expires_at) }
    end
  end
  table.sort(found, function(one, other)
    if one[1] ~= other[1] then
      return one[1] < other[1]
    end
    return one[2] < other[2]
  end)
  return found
end

local function make_room(parent, now, most)
  local living = {}
  for _, session in ipairs(sessions(parent)) do
    if session[3] and session[3] <= now then
      call('HDEL', ring, session[2])
    else
      living[#living + 1] = session[2]
    end
  end
  for place = 1, #living - most + 1 do
    call('HDEL', ring, living[place])
  end
end

local function add(name, record, parent, parent_hash, now, most)
  local known = call('HGET', ring, name)
  if known then
    return known == record
  end
  if parent ~= '' then
    if read(call('HGET', ring, parent)).hash ~= parent_hash then
      return false
    end
    make_room(parent, tonumber(now), tonumber(most))
  end
  call('HSET', ring, name, record)
  fair.reopen(name)
  return true
end

local function remove(name)
  for _, session in ipairs(sessions(name)) do
    call('HDEL', ring, session[2])
  end
  fair.reopen(name)
  return call('HDEL', ring, name) == 1
end

local function finish()
  fair.flush()
  later.flush()
end

return queue.run(function()
  local done = ARGV[4] == 'add' and add(unpack(ARGV, 5, 10)) or ARGV[4] == 'remove' and remove(ARGV[5])
  return { done and '1' or '' }
end, finish)
