-- fair: the share of each client, by start-time fair queuing (Goyal, Vin, Cheng: SIGCOMM 1996).
--
-- A client has one lane per kind of claim: `lane:<kind>:<client>` with `tag`, the start tag of its next task, the
-- number of its `entries` and of the `healthy` ones among them, and how many tasks (albums) it has `held`. Open lanes
-- stand in `open:<kind>:1` if they offer a healthy task and in `open:<kind>:0` otherwise, by tag; lanes with nothing to
-- do in `idle:<kind>`. The virtual time is the start tag of the task that was served last.
--
-- A client that has used up the bytes that it may receive is closed: its lanes are not open, whatever waits in them.
-- It stands in `spent` by the time at which it may go on, and in `spent_allowed` by the bytes that the settings
-- allowed, if it is they that do.

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
  return lane.entries > 0 and lane.held < ROOM[kind] and not lane.closed
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
    local got = call('HMGET', key('lane', name), 'tag', 'entries', 'healthy', 'held', 'closed')
    lane = { kind = kind, client = client, is_new = not got[1], tag = tonumber(got[1]) or 0, closed = got[5] == '1',
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
function fair.shift(kind, client, entries, healthy, held)
  local lane = lane_of(kind, client)
  remember_lane(lane)
  local was_open = is_open(lane, kind)
  lane.entries = lane.entries + entries
  lane.healthy = lane.healthy + healthy
  lane.held = lane.held + held
  local opens = not was_open and is_open(lane, kind)
  if opens then
    lane.tag = math.max(lane.tag, virtual_time(kind))
  end
  if opens or entries > 0 or held < 0 then
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

-- Give a client no turn until this time, whatever waits in its lanes. *allowed*: the bytes that the settings allow, nil
-- where its key does. A program of the version before knows nothing of it, and may put a closed lane where it stood.
function fair.close(client, until_ms, allowed)
  call('ZADD', key('spent'), str(until_ms), client)
  if allowed then
    call('ZADD', key('spent_allowed'), str(allowed), client)
  end
  for kind in pairs(ROOM) do
    local lane = lane_of(kind, client)
    if lane.closed or lane.is_new then -- and wherever it stands, it must not be met there again
      call('ZREM', key('open', kind, '0'), client)
      call('ZREM', key('open', kind, '1'), client)
    else
      remember_lane(lane)
      lane.closed = true
      call('HSET', key('lane', kind, client), 'closed', '1')
    end
  end
  fair.line_up()
end

-- Give a client turns again, and wake who waits for work, if not *quiet*; a claim judges it anew.
function fair.reopen(client, quiet)
  call('ZREM', key('spent'), client)
  call('ZREM', key('spent_allowed'), client)
  for kind in pairs(ROOM) do
    local lane = lane_of(kind, client)
    if lane.closed then
      remember_lane(lane)
      lane.closed = false
      call('HDEL', key('lane', kind, client), 'closed')
      queue.woke = queue.woke or not quiet
    end
  end
  fair.line_up()
end

local function reopen_up_to(name, most, quiet)
  local clients = call('ZRANGEBYSCORE', name, '-inf', most, 'LIMIT', 0, PAGE)
  for _, client in ipairs(clients) do
    fair.reopen(client, quiet)
  end
  fair.flush()
  return #clients == PAGE
end

-- Let those go on whose time has come, at most a page; answers whether there are more.
function fair.reopen_due()
  return reopen_up_to(key('spent'), str(queue.now))
end

-- Let those go on that were closed when the settings allowed less bytes than now (0: no limit), as `reopen_due`. It
-- wakes nobody: two workers whose settings differ would wake each other for ever, one to close, one to reopen.
function fair.reopen_below(allowed)
  return reopen_up_to(key('spent_allowed'), allowed == 0 and '+inf' or '(' .. str(allowed), true)
end

-- How long until the next client may go on, ms; nil: nobody waits.
function fair.next_due()
  local due = tonumber(call('ZRANGE', key('spent'), 0, 0, 'WITHSCORES')[2])
  return due and math.max(0, due - queue.now)
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

-- The first client of a set of open lanes that may have a task, and its tag. *judge* says 'yes', 'passed' of one that
-- holds all that it may (there are no more of them than all workers have tasks), 'closed' of one that stands there no
-- more, 'enough' where no more may be looked at.
local function first_in_line(name, kind, judge)
  local place = 0
  while not fair.bare[name] do
    local head = call('ZRANGE', name, str(place), str(place), 'WITHSCORES')
    local client = head[1]
    if place == 0 and not client then
      fair.bare[name] = true -- until `line_up` puts a lane there
    end
    local verdict = client and judge(kind, client, lane_of(kind, client).held)
    if verdict == 'yes' then
      return client, tonumber(head[2])
    elseif verdict == 'passed' then
      place = place + 1
    elseif verdict ~= 'closed' then
      return nil
    end
  end
end

-- The client whose turn it is; *healthy*: suspects are passed over.
function fair.next_client(kind, healthy, judge)
  local best, tag
  for place = 1, healthy and 1 or 2 do
    local client, score = first_in_line(key('open', kind, place == 1 and '1' or '0'), kind, judge)
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
