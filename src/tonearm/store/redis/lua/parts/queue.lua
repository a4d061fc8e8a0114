-- queue: the keys of one queue, its version, its time, and how a script is left.
--
-- Every script gets KEYS[1], the key `meta` of the queue. All other keys are made from its prefix `{queue}:`, so they
-- carry the same hash tag and lie in the same slot. ARGV[1..3] are for the time, what a script takes itself begins at
-- ARGV[4].
--
-- Store time is the server's clock plus an offset that is kept here. ARGV[3] says the caller's monotonic clock and its
-- boot, ARGV[2] what the caller expects the server's clock to say by it since the last answer, and the offset of that
-- answer: where the server's clock was set meanwhile, the offset takes the step back, once, whoever notices it first. A
-- process that has no answer yet goes on from the last answer to any process of its boot. So store time neither stops
-- nor runs back when somebody sets the clock, and a call that was held up for long does not hurry it.
--
-- VERSION and WORKS_BESIDE stand in front of every script: the version of the program that sent it, and the oldest
-- beside which that works (store/redis/version.py). What is kept of both is that of the newest program that worked on
-- this queue.

local PREFIX = string.sub(KEYS[1], 1, -5)
local META = KEYS[1]
local PAGE = 200
local FEED_LIMIT = 10000
local FEED_AGE_MS = 3600000
local GONE_AGE_MS = 86400000
local OFF_MS = 365 * 86400000 -- a machine that was off for longer had a wrong clock
local AHEAD_MS = 5000         -- a clock that is further ahead than this was set, or the call was held up for so long
local BEHIND_MS = 1000        -- a clock that is further behind than this was set

-- Carry out a command. A key that holds another kind of value than ours is put aside as `strange:<key>`, and the
-- command is said again, so that it stops nothing; the audit names what its index had. Without `meta` there is no
-- queue to save.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then
    return reply
  end
  local _, name = ...
  if name == META or not string.find(reply.err, 'WRONGTYPE', 1, true) then
    error(reply)
  end
  local aside = PREFIX .. 'strange:' .. string.sub(name, #PREFIX + 1)
  if redis.pcall('RENAME', name, aside).err then -- this script only reads
    error(reply)
  end
  return redis.call(...)
end

local queue = { now = 0, offset = 0, wall = 0, told = {}, order = {}, happened = {}, woke = false }

local whole = {} -- the keys of one part, which are asked for again and again

local function key(name, second, third, fourth)
  if not second then
    local made = whole[name] or PREFIX .. name
    whole[name] = made
    return made
  elseif fourth then
    return PREFIX .. name .. ':' .. second .. ':' .. third .. ':' .. fourth
  elseif third then
    return PREFIX .. name .. ':' .. second .. ':' .. third
  end
  return PREFIX .. name .. ':' .. second
end

-- A function that writes numbers in this form; the same number again costs nothing, and most come many times.
local function writer(form)
  local written = {}
  return function(number)
    local text = written[number]
    if not text then
      text = string.format(form, number)
      written[number] = text
    end
    return text
  end
end

local str, pad = writer('%.0f'), writer('%015.0f')

-- Leave the script: the caller raises what this says. Nothing may have been written before.
local function refuse(...)
  error({ refusal = { ... } })
end

local function server_wall()
  local given = tonumber(ARGV[1])
  if given then
    return given
  end
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- What the server's clock should say, and the offset of the answer that this goes on from; nil: nobody knows.
local function expected_wall(anchor)
  local wall, offset = string.match(ARGV[2], '^(%S+) (%S+)$')
  if wall then
    return tonumber(wall), tonumber(offset)
  end
  local elapsed, boot = string.match(ARGV[3], '^(%S+) (.+)$')
  local then_elapsed, then_wall, then_offset, then_boot = string.match(anchor, '^(%S+) (%S+) (%S+) (.+)$')
  if then_boot and then_boot == boot then
    return tonumber(then_wall) + tonumber(elapsed) - tonumber(then_elapsed), tonumber(then_offset)
  end
end

local function clock_step(wall, offset, last, anchor)
  local expected, then_offset = expected_wall(anchor)
  if not expected then
    local passed = last and wall + offset - last or 0
    return passed > OFF_MS and passed or 0
  end
  local step = wall - expected
  if then_offset ~= offset or (step <= AHEAD_MS and step >= -BEHIND_MS) then
    return 0
  end
  return step
end

do
  local kept = call('HMGET', META, 'offset', 'last', 'anchor', 'version', 'works_beside', 'notices_until')
  local offset, last = tonumber(kept[1]) or 0, tonumber(kept[2])
  local wall = server_wall()
  offset = offset - clock_step(wall, offset, last, kept[3] or '')
  if last and wall + offset < last then
    offset = last - wall
  end
  queue.wall, queue.offset, queue.now = wall, offset, wall + offset
  queue.version, queue.beside = tonumber(kept[4]), tonumber(kept[5]) or 0
  queue.heard = queue.now < (tonumber(kept[6]) or 0) -- whether somebody listens to notices
end

-- Let the feed tell of a job when the script ends; one event a job.
function queue.tell(job_id, kind)
  if not queue.told[job_id] then
    queue.order[#queue.order + 1] = job_id
  end
  queue.told[job_id] = kind
end

-- A step of something that is numbered, from 1 on.
function queue.number(name)
  return call('HINCRBY', META, name, '1')
end

local function write_events()
  if #queue.order == 0 then
    if queue.woke then -- an event wakes as well
      call('XADD', key('wakes'), 'MAXLEN', 1, '*', 'w', '1')
    end
    return
  end
  local before = call('HINCRBY', META, 'event', #queue.order) - #queue.order
  for place, job_id in ipairs(queue.order) do
    local kind, id = queue.told[job_id], str(before + place) .. '-0'
    call('XADD', key('events'), id, 'kind', kind, 'job', job_id, 'at', str(queue.now))
    if kind == 'removed' then
      call('ZADD', key('gone'), queue.now, job_id)
    end
  end
  call('XTRIM', key('events'), 'MAXLEN', FEED_LIMIT)
end

-- Keep the time, and the version of this program if the queue is of an older one.
local function write_meta()
  local elapsed, boot = string.match(ARGV[3], '^(%S+) (.+)$')
  local anchor = elapsed .. ' ' .. str(queue.wall) .. ' ' .. str(queue.offset) .. ' ' .. boot
  local told = #queue.order > 0 and { 'event_at', str(queue.now) } or {}
  call('HSET', META, 'offset', str(queue.offset), 'last', str(queue.now), 'anchor', anchor, unpack(told))
  if queue.is_new or queue.version < VERSION then
    call('HSET', META, 'version', str(VERSION), 'works_beside', str(math.max(queue.beside, WORKS_BESIDE)))
  end
end

-- Write what one call changed, and forget what one changed that came to nothing in the middle; `places` knows how.
function queue.flush() end
function queue.abandon() end

local function finished(finish)
  finish()
  write_events()
  write_meta()
end

local function is_refusal(answer)
  return type(answer) == 'table' and answer.refusal ~= nil
end

-- What happened since this was asked last: lines for the log (`moves.say`), and turns to be counted (`places`).
local function happened_since()
  local happened = queue.happened
  queue.happened = {}
  return happened
end

-- Run what the script does, and answer {server's clock, offset, what happened, 'done', answer} or {…, 'refused', why,
-- …}. *finish* writes what is still held back; a script without it only reads. What was written before a refusal, by
-- way of one task after the other, is whole and stays. A queue without a version is none: somebody emptied Redis, and
-- whoever uses it has to open it anew (`open.lua`).
function queue.run(work, finish)
  if not queue.version then
    return { str(queue.wall), str(queue.offset), {}, 'refused', 'EMPTIED' }
  elseif queue.version < WORKS_BESIDE or queue.beside > VERSION then
    return { str(queue.wall), str(queue.offset), {}, 'refused', 'VERSION',
      str(queue.version), str(queue.beside), str(VERSION), str(WORKS_BESIDE) }
  end
  local fine, answer = pcall(work)
  if not fine then
    queue.abandon()
  end
  if finish then
    finished(finish)
  end
  if fine then
    return { str(queue.wall), str(queue.offset), happened_since(), 'done', answer }
  elseif is_refusal(answer) then
    return { str(queue.wall), str(queue.offset), happened_since(), 'refused', unpack(answer.refusal) }
  end
  error(answer)
end

local function text_of(answer)
  return type(answer) == 'table' and answer.err or tostring(answer)
end

-- Do the same for each of many callers, whose arguments follow each other, *count* from ARGV[4] on: what one is refused
-- or fails with does not concern the others. Answers {'done', answer, what happened}, {'refused', …} or
-- {'failed', text} for each.
function queue.run_each(count, work, finish)
  return queue.run(function()
    local answers = {}
    for place = 4, #ARGV, count do
      local fine, answer = pcall(function()
        local done = work(unpack(ARGV, place, place + count - 1))
        queue.flush()
        return done
      end)
      if fine then
        answers[#answers + 1] = { 'done', answer, happened_since() }
      else
        queue.abandon()
        queue.happened = {}
        answers[#answers + 1] = is_refusal(answer) and { 'refused', unpack(answer.refusal) }
          or { 'failed', text_of(answer) }
      end
    end
    return answers
  end, finish)
end
