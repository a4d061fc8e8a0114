#!lua
-- submit_many: add a batch of one client's jobs, all at once or, where the rate is used up, none.
-- needs: queue tasks later filed fair places moves bytes remembered answers admission
-- KEYS  1 meta
-- ARGV  1-3 time  4 client  5 name of its idempotency key and 6 digest of the request ('': none)
--       7 submissions a minute (0: no limit)  8 unfinished jobs of the client (0: no limit)
--       9 of the queue (0: no limit)  10 bytes that the client may have received in 24 hours (0: no limit)
--       11 jobs for one submission of the rate
--       12… for each: record (JSON: the fields of the new task), check_duplicate
-- Reply JSON, for each: [id, '1' if it is another job's], or why not:
--       ['', CLIENT_FULL or QUEUE_FULL, unfinished, limit] or ['', CLIENT_BYTES, wait_ms, limit]
-- Refused  RATE wait_ms new_jobs | MISMATCH 0
-- Cost  O(log n) each.

local client, name, digest = ARGV[4], ARGV[5], ARGV[6]
local rate_limit, client_limit, queue_limit = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local bytes_limit = tonumber(ARGV[10])

-- Nothing is added while it is planned: a batch that is too much for the rate leaves nothing.
local plan = { new = {}, ids = {}, same = {} }

function plan.judge(record, check_duplicate)
  if plan.ids[record.id] or is_here(record.id) or is_gone(record.id) then
    return { record.id, '' }
  end
  local field = places.same_field(record)
  if check_duplicate then
    local numbers = call('HGET', key('same'), field)
    local twin = numbers and tasks.load(string.match(numbers, '^%d+'))
    local twin_id = twin and twin.id or plan.same[field]
    if twin_id then
      return { twin_id, '1' }
    end
  end
  if plan.wait_ms then
    return { '', 'CLIENT_BYTES', str(plan.wait_ms), str(bytes_limit) }
  end
  local own, all = plan.own + #plan.new, plan.all + #plan.new
  if client_limit > 0 and own >= client_limit then
    return { '', 'CLIENT_FULL', str(own), str(client_limit) }
  elseif queue_limit > 0 and all >= queue_limit then
    return { '', 'QUEUE_FULL', str(all), str(queue_limit) }
  end
  plan.new[#plan.new + 1] = record
  plan.ids[record.id] = true
  plan.same[field] = plan.same[field] or record.id
  return { record.id, '' }
end

local function add_all()
  for _, record in ipairs(plan.new) do
    record.created_at, record.updated_at = queue.now, queue.now
    moves.say(moves.add(record), 'submitted')
  end
end

return queue.run(function()
  local known = name ~= '' and answers.recall(name, digest)
  if known then
    return known[1]
  end
  plan.own, plan.all, plan.wait_ms = admission.own(client), admission.all(), bytes.wait(client, bytes_limit)
  local judged, accepted = {}, false
  for place = 12, #ARGV, 2 do
    local answer = plan.judge(cjson.decode(ARGV[place]), ARGV[place + 1] == '1')
    judged[#judged + 1] = answer
    accepted = accepted or answer[1] ~= ''
  end
  local count = math.ceil(#plan.new / tonumber(ARGV[11]))
  admission.check_rate(client, rate_limit, count, str(#plan.new))
  admission.spend(client, rate_limit, count)
  add_all()
  local text = cjson.encode(judged)
  if name ~= '' and accepted then
    answers.remember(name, digest, { text, '' })
  end
  return text
end, places.finish)
