-- fair: the share of each client, by start-time fair queuing (Goyal, Vin, Cheng: SIGCOMM 1996).
--
-- A client has one lane per kind of claim: `lane:<kind>:<client>` with `tag`, the start tag of its next task, the
-- number of its `entries` and of the `healthy` ones among them, and how many tasks (albums) it has `held`. Open lanes
-- stand in `open:<kind>:1` if they offer a healthy task and in `open:<kind>:0` otherwise, by tag; lanes with nothing to
-- do in `idle:<kind>`. The virtual time is the start tag of the task that was served last.

local fair = { lanes = {}, dirty = {}, unsaved = {}, virtual = {}, bare = {} }

local OPEN_ALBUMS = 2
local ROOM = { track = math.huge, resolve = OPEN_ALBUMS }

local function virtual_time(kind)
  local known = fair.virtual[kind]
  if not known then
    known = tonumber(call('HGET', META, 'virtual:' .. kind)) or 0
    fair.virtual[kind] = known
  end
  return known
end

local function set_virtual_time(kind, tag)
  if tag ~= virtual_time(kind) then
    fair.virtual[kind] = tag
    later.field(META, 'virtual:' .. kind, str(tag))
  end
end

local function is_open(lane, kind)
  return lane.entries > 0 and lane.held < ROOM[kind]
end

-- The set that a lane stands in; nil: in none.
local function set_for(lane, kind)
  if is_open(lane, kind) then
    return key('open', kind, lane.healthy > 0 and '1' or '0')
  elseif lane.entries == 0 and lane.held == 0 then
    return key('idle', kind)
  end
  return nil
end

-- The lane of a client, read once a script; what it was like is kept beside it until it is written.
local function lane_of(kind, client)
  local name = kind .. ':' .. client
  local lane = fair.lanes[name]
  if not lane then
    local got = call('HMGET', key('lane', name), 'tag', 'entries', 'healthy', 'held')
    lane = { kind = kind, client = client, is_new = not got[1], tag = tonumber(got[1]) or 0,
      entries = tonumber(got[2]) or 0, healthy = tonumber(got[3]) or 0, held = tonumber(got[4]) or 0 }
    fair.lanes[name] = lane
  end
  return lane
end

local function remember_lane(lane)
  if not lane.before then
    lane.before = { tag = lane.tag, set = not lane.is_new and set_for(lane, lane.kind) or nil }
    fair.dirty[#fair.dirty + 1] = lane
  end
end

-- Change the figures of a lane by these differences; a lane that opens starts at the virtual time.
function fair.shift(kind, client, by)
  local lane = lane_of(kind, client)
  remember_lane(lane)
  local was_open = is_open(lane, kind)
  lane.entries = lane.entries + (by.entries or 0)
  lane.healthy = lane.healthy + (by.healthy or 0)
  lane.held = lane.held + (by.held or 0)
  local opens = not was_open and is_open(lane, kind)
  if opens then
    lane.tag = math.max(lane.tag, virtual_time(kind))
  end
  if opens or (by.entries or 0) > 0 or (by.held or 0) < 0 then
    queue.woke = true -- also where a client that has all it may hold gets room
  end
end

-- Write where the lanes stand that changed: the next turn is looked for there.
function fair.line_up()
  for _, lane in ipairs(fair.dirty) do
    local before, set = lane.before, set_for(lane, lane.kind)
    fair.unsaved[lane] = true
    if before.set and before.set ~= set then
      call('ZREM', before.set, lane.client)
    end
    if set and (set ~= before.set or lane.tag ~= before.tag) then
      call('ZADD', set, str(lane.tag), lane.client)
      fair.bare[set] = nil
    end
    lane.before, lane.is_new = nil, false
  end
  fair.dirty = {}
end

-- Write the lanes that changed.
function fair.flush()
  fair.line_up()
  for lane in pairs(fair.unsaved) do
    call('HSET', key('lane', lane.kind, lane.client), 'tag', str(lane.tag), 'entries', lane.entries,
      'healthy', lane.healthy, 'held', lane.held)
  end
  fair.unsaved = {}
end

-- The first client of a set of open lanes that holds less than *most*, and its tag. Clients that hold so much are
-- passed over: there are no more of them than all workers have tasks.
local function first_below(name, kind, most)
  local place = 0
  while not fair.bare[name] do
    local head = call('ZRANGE', name, place, place, 'WITHSCORES')
    local client = head[1]
    if place == 0 and not client then
      fair.bare[name] = true -- until `line_up` puts a lane there
    end
    if not client or most == 0 or lane_of(kind, client).held < most then
      return client, tonumber(head[2])
    end
    place = place + 1
  end
end

-- The client whose turn it is; *healthy*: suspects are passed over, *most*: what one may hold (0: no limit).
function fair.next_client(kind, healthy, most)
  local best, tag
  for place = 1, healthy and 1 or 2 do
    local client, score = first_below(key('open', kind, place == 1 and '1' or '0'), kind, most)
    if client and (not best or score < tag or (score == tag and client < best)) then
      best, tag = client, score
    end
  end
  return best
end

-- Charge the client one unit for the task that it is given now; one that was passed over has saved nothing up.
function fair.serve(kind, client)
  local lane = lane_of(kind, client)
  remember_lane(lane)
  set_virtual_time(kind, math.max(lane.tag, virtual_time(kind)))
  lane.tag = virtual_time(kind) + 1
end

-- Drop lanes that have nothing to do and nothing to answer for, at most a page of each kind. A tag ahead of the virtual
-- time is remembered as long as anybody else is waiting; when nobody is, the virtual time catches up.
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
