-- claims: which task comes next for a worker, and handing it out.
--
-- Between clients `fair` decides, among those that may have another task (`turns`). Inside a client the entries stand
-- in one order: by priority, single tracks before albums, then by age; an album is one entry, and the claim takes the
-- first of its ready tracks. Tasks that are no suspects stand apart from suspects, so that either kind can be taken
-- without looking through the other.

local claims = {}

local KINDS = { 'resolve', 'track' }

-- Make delayed tasks ready that are due, at most a page.
local function promote()
  for _, seq in ipairs(call('ZRANGEBYSCORE', key('due'), '-inf', str(queue.now), 'LIMIT', 0, PAGE)) do
    local task = tasks.load(seq)
    if task and task.state == 'delayed' then
      moves.move(task, 'ready')
    else
      call('ZREM', key('due'), seq)
    end
  end
  places.finish()
end

local function next_due()
  local due = tonumber(call('ZRANGE', key('due'), 0, 0, 'WITHSCORES')[2])
  if turns.cut_short then
    return '0'
  end
  local wait, spent = due and math.max(0, due - queue.now), fair.next_due()
  wait = wait and spent and math.min(wait, spent) or wait or spent
  return wait and str(wait) or ''
end

-- The first member of two ordered sets; of the first one alone if *healthy*.
local function first_of(well, suspect, healthy)
  local best = call('ZRANGE', well, '0', '0', 'WITHSCORES')
  if not healthy then
    local other = call('ZRANGE', suspect, '0', '0', 'WITHSCORES')
    if other[1] and (not best[1] or tonumber(other[2]) < tonumber(best[2])) then
      best = other
    end
  end
  return best[1]
end

-- The task of this number, which is the first in a line; one without a record would be there for ever (`set_aside`).
local function first_in(line, seq)
  local task = tasks.load(seq)
  if seq and not task then
    refuse('UNREADABLE', seq, 'there is no record of this number', line)
  end
  return task
end

local function head_of(kind, healthy)
  local client = fair.next_client(kind, healthy, turns.judge)
  if not client then
    return nil
  end
  local seq = first_of(key('entries', kind, '1', client), key('entries', kind, '0', client), healthy)
  local task = first_in(kind .. ' ' .. client, seq)
  if task and kind == 'track' and is_album(task) then
    local album = str(task.seq)
    task = first_in('album ' .. album, first_of(key('album', album, 'ready'), key('album', album, 'suspects'), healthy))
  end
  return task and { kind = kind, client = client, task = task }
end

-- What would be handed out next; a suspect at the head of either kind comes first, as it waits for quiet.
local function next_pick(left, healthy)
  local first
  for _, kind in ipairs(KINDS) do
    local head = left[kind] > 0 and head_of(kind, healthy)
    if head and is_suspect(head.task) then
      return head
    end
    first = first or head or nil
  end
  return first
end

-- {stage before, as `worker epoch` ('' if none), album ('' if none), task}: the task as it is now, claimed.
local function handed_out(task)
  local album = album_of(task)
  return { task.previous_stage or '', album and album.album or '', flat_of(task) }
end

local function take(pick, worker, lease_ms, token)
  local task = pick.task
  local epoch = task.epoch + 1
  moves.move(task, 'active', {
    previous_stage = task.stage_worker and task.stage_worker .. ' ' .. str(task.epoch) or false,
    epoch = epoch,
    token = str(epoch) .. ':' .. token,
    ended_token = false,
    worker = worker,
    lease_until = queue.now + lease_ms,
    stage_worker = pick.kind == 'track' and worker or false,
    started_at = task.started_at or queue.now,
    received = 0,
    high_phase = task.best_phase,
    high_bytes = task.best_bytes,
  })
  moves.note(task, 'started', { worker = worker })
  fair.serve(pick.kind, pick.client)
  places.flush()
  fair.line_up()
end

-- What this very request was answered, as far as those claims are still current: their tokens were made from its nonce.
local function handed_before(worker, nonce)
  local found = {}
  for _, seq in ipairs(call('ZRANGE', key('held', worker), 0, PAGE - 1)) do
    local token = redis.pcall('HGET', key('task', seq), 'token') -- nothing else of it is needed, but once in a while
    if type(token) == 'string' and string.find(token, ':' .. nonce, 1, true) then
      found[#found + 1] = tasks.load(seq)
    end
  end
  return found
end

local function holds_suspect(worker)
  for _, seq in ipairs(call('ZRANGE', key('suspects'), 0, PAGE - 1)) do
    local task = tasks.load(seq)
    if task and task.worker == worker then
      return true
    end
  end
  return false
end

local function hand_out(worker, left, lease_ms, nonce)
  local handed = {}
  if holds_suspect(worker) then
    return handed
  end
  local holds = call('ZCARD', key('held', worker))
  local healthy = call('ZCARD', key('suspects')) > 0
  local pick = next_pick(left, healthy)
  while pick do
    local suspect = is_suspect(pick.task)
    if suspect and holds + #handed > 0 then
      break
    end
    take(pick, worker, lease_ms, nonce .. string.format('%02x', #handed))
    handed[#handed + 1] = pick.task
    left[pick.kind] = left[pick.kind] - 1
    pick = not suspect and next_pick(left, healthy) or nil
  end
  return handed
end

-- Hand out up to so many transfers and albums (`Store.claim`).
function claims.claim(worker, transfers, resolves, lease_ms, nonce, most, allowed)
  if control()[1] == '1' then
    return { '' }
  end
  local handed = handed_before(worker, nonce)
  if #handed == 0 then
    promote()
    turns.begin(most, allowed)
    handed = hand_out(worker, { track = transfers, resolve = resolves }, lease_ms, nonce)
  end
  local reply = { next_due() }
  for _, task in ipairs(handed) do
    reply[#reply + 1] = handed_out(task)
  end
  return reply
end
