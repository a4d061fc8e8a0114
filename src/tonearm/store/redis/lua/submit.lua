#!lua
-- submit: add jobs, or answer those that they repeat. A full Redis refuses it, as `submit_many` and `take_in`.
-- needs: queue tasks later filed fair places moves bytes remembered answers admission
-- KEYS  1 meta
-- ARGV  1-3 time  4… for each: record (JSON: the fields of the new task), check_duplicate, rate a minute (0: none),
--       unfinished jobs of the client, of the queue, bytes that the client may have received in 24 hours (0: no limit),
--       name of the client's idempotency key and digest of the request ('': none)
-- Reply {id, '1' if it is another job's} for each
-- Refused  RATE wait_ms | CLIENT_BYTES wait_ms | CLIENT_FULL unfinished | QUEUE_FULL unfinished | MISMATCH 0
-- Cost  O(log n) each.

local function twin_of(record)
  local numbers = later.read(key('same'), places.same_field(record))
  local twin = numbers and tasks.load(string.match(numbers, '^%d+'))
  return twin and twin.id
end

local function check_sizes(client, client_limit, queue_limit, bytes_limit)
  local wait_ms = bytes.wait(client, bytes_limit)
  if wait_ms then
    refuse('CLIENT_BYTES', str(wait_ms))
  end
  if client_limit > 0 then
    local own = admission.own(client)
    if own >= client_limit then
      refuse('CLIENT_FULL', str(own))
    end
  end
  local all = queue_limit > 0 and admission.all() or 0
  if queue_limit > 0 and all >= queue_limit then
    refuse('QUEUE_FULL', str(all))
  end
end

local function submit(record, check_duplicate, rate_limit, client_limit, queue_limit, bytes_limit)
  if is_here(record.id) or is_gone(record.id) then
    return { record.id, '' }
  end
  local twin = check_duplicate and twin_of(record)
  if twin then
    return { twin, '1' }
  end
  admission.check_rate(record.client, rate_limit, 1)
  check_sizes(record.client, client_limit, queue_limit, bytes_limit)
  admission.spend(record.client, rate_limit, 1)
  record.created_at, record.updated_at = queue.now, queue.now
  local task = moves.add(record)
  moves.say(task, 'submitted')
  return { task.id, '' }
end

return queue.run_each(8, function(record, check_duplicate, rate_limit, client_limit, queue_limit, bytes_limit, ...)
  local name, digest = ...
  local answer = name ~= '' and answers.recall(name, digest)
  if answer then
    return answer
  end
  answer = submit(cjson.decode(record), check_duplicate == '1', tonumber(rate_limit), tonumber(client_limit),
    tonumber(queue_limit), tonumber(bytes_limit))
  if name ~= '' then
    answers.remember(name, digest, answer)
  end
  return answer
end, places.finish)
