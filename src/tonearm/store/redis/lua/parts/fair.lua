-- fair: the share of each client, by start-time fair queuing (Goyal, Vin, Cheng: SIGCOMM 1996).
--
-- A client has one lane per kind of claim: `lane:<kind>:<client>` with `tag`, the start tag of its next task, the number of
-- its `entries` and of the `healthy` ones among them, and how many tasks (albums) it has `held`. Open lanes stand in
-- `open:<kind>:1` if they offer a healthy task and in `open:<kind>:0` otherwise, by tag; lanes with nothing to do in
-- `idle:<kind>`. The virtual time is the start tag of the task that was served last.

local fair = { lanes = {} }

local OPEN_ALBUMS = 2
local ROOM = { track = math.huge, resolve = OPEN_ALBUMS }

local function virtual_time(kind)
  return tonumber(call('HGET', META, 'virtual:' .. kind)) or 0
end

local function set_virtual_time(kind, tag)
  call('HSET', META, 'virtual:' .. kind, str(tag))
end

local function is_open(lane, kind)
  return lane.entries > 0 and lane.held < ROOM[kind]
end

local function place_lane(kind, client, before, after)
  local names = { key('open', kind, '1'), key('open', kind, '0'), key('idle', kind) }
  local function place_of(lane)
    if not lane then
      return nil
    elseif is_open(lane, kind) then
      return names[lane.healthy > 0 and 1 or 2]
    elseif lane.entries == 0 and lane.held == 0 then
      return names[3]
    end
    return nil
  end
  local old, new = place_of(before), place_of(after)
  if old and old ~= new then
    call('ZREM', old, client)
  end
  if new and (new ~= old or before.tag ~= after.tag) then
    call('ZADD', new, after.tag, client)
  end
end

local function read_lane(kind, client)
  local got = call('HMGET', key('lane', kind, client), 'tag', 'entries', 'healthy', 'held')
  if not got[1] then
    return nil
  end
  return { tag = tonumber(got[1]), entries = tonumber(got[2]), healthy = tonumber(got[3]), held = tonumber(got[4]) }
end

local function write_lane(kind, client, lane)
  call('HSET', key('lane', kind, client), 'tag', str(lane.tag), 'entries', lane.entries, 'healthy', lane.healthy,
    'held', lane.held)
end

-- Change the figures of a lane by these differences; a lane that opens starts at the virtual time.
function fair.shift(kind, client, by)
  local before = read_lane(kind, client)
  local lane = before or { tag = 0, entries = 0, healthy = 0, held = 0 }
  local after = {
    tag = lane.tag,
    entries = lane.entries + (by.entries or 0),
    healthy = lane.healthy + (by.healthy or 0),
    held = lane.held + (by.held or 0),
  }
  local opens = is_open(after, kind) and not is_open(lane, kind)
  if opens then
    after.tag = math.max(after.tag, virtual_time(kind))
  end
  if opens or (by.entries or 0) > 0 then
    queue.woke = true
  end
  write_lane(kind, client, after)
  place_lane(kind, client, before, after)
end

-- The client whose turn it is; *healthy*: suspects are passed over.
function fair.next_client(kind, healthy)
  local best, tag
  for place = 1, healthy and 1 or 2 do
    local head = call('ZRANGE', key('open', kind, place == 1 and '1' or '0'), 0, 0, 'WITHSCORES')
    local client, score = head[1], tonumber(head[2])
    if client and (not best or score < tag or (score == tag and client < best)) then
      best, tag = client, score
    end
  end
  return best
end

-- Charge the client one unit for the task that it is given now.
function fair.serve(kind, client)
  local lane = read_lane(kind, client)
  if not lane then
    return
  end
  set_virtual_time(kind, math.max(lane.tag, virtual_time(kind)))
  local after = { tag = lane.tag + 1, entries = lane.entries, healthy = lane.healthy, held = lane.held }
  write_lane(kind, client, after)
  place_lane(kind, client, lane, after)
end

-- Drop lanes that have nothing to do and nothing to answer for, at most a page of each kind. A tag ahead of the virtual time
-- is remembered as long as anybody else is waiting; when nobody is, the virtual time catches up.
function fair.forget_idle()
  for kind in pairs(ROOM) do
    local idle = key('idle', kind)
    if call('ZCARD', key('open', kind, '1')) + call('ZCARD', key('open', kind, '0')) == 0 then
      local ahead = tonumber(call('ZREVRANGE', idle, 0, 0, 'WITHSCORES')[2])
      if ahead and ahead > virtual_time(kind) then
        set_virtual_time(kind, ahead)
      end
    end
    for _, client in ipairs(call('ZRANGEBYSCORE', idle, '-inf', str(virtual_time(kind)), 'LIMIT', 0, PAGE)) do
      call('ZREM', idle, client)
      call('DEL', key('lane', kind, client))
    end
  end
end
