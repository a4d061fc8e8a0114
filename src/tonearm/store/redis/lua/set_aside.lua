#!lua flags=allow-oom
-- set_aside: copy a record that cannot be read to `set_aside`, and make it readable or take it out.
-- needs: queue tasks later filed fair places moves bytes held endings missing albums pages arrivals
-- KEYS  1 meta
-- ARGV  1-3 time  4 number of the task  5 reason  6 the line at whose head it stands: `<kind> <client>` or
--       `album <number>`; '' where that is not known  7 '1' if it was made readable before, and was not
-- Reply {id of the task, '' if it is gone}
-- Cost  O(log n).

local MOST_KEPT = 1000
local UNREADABLE = 'The record of this task could not be read and was set aside'
local name, texts = key('task', ARGV[4]), key('text', ARGV[4])

local function copy(id)
  local of_type = call('TYPE', name).ok
  local body = of_type == 'hash' and call('HGETALL', name) or { of_type }
  local said = call('TYPE', texts).ok == 'hash' and call('HGETALL', texts) or {}
  local kept = cjson.encode({ task = id, at = queue.now, reason = ARGV[5], body = body, texts = said })
  if call('RPUSH', key('set_aside'), kept) > MOST_KEPT then
    call('LTRIM', key('set_aside'), -MOST_KEPT, -1)
  end
end

-- What has only broken texts keeps its place in the lists: an unfinished task fails, and a person can retry it.
local function mend(task)
  copy(task.id)
  local publication = is_final(task) and task.publication or false
  moves.take_claim(task)
  if not is_final(task) then
    moves.move(task, 'failed', { error = UNREADABLE, last_error = UNREADABLE, failure_code = 'internal' })
    moves.note(task, 'failed', { code = 'internal', message = UNREADABLE })
    moves.discard_stage(task)
  end
  arrivals.give_up(task)
  moves.change(task, { files = false, warnings = false, album = false, publication = publication })
  albums.close_if_done(album_of(task))
  return { task.id }
end

-- Take a number without a record out of the entries of a client.
local function leave_entries(kind, client)
  for _, healthy in ipairs({ 0, 1 }) do
    if call('ZREM', key('entries', kind, str(healthy), client), ARGV[4]) == 1 then
      fair.shift(kind, client, -1, -healthy, 0)
    end
  end
end

-- Take a track without a record out of its album: it counts as one that was never listed, so that the album can end,
-- and a retry lists it again.
local function leave_album(album)
  local function leave(name)
    return call('ZREM', key('album', str(album.seq), name), ARGV[4])
  end
  leave('open')
  leave('active')
  local suspect, completed, failed = leave('suspects'), leave('completed'), leave('failed')
  local ready = leave('ready') + suspect
  if leave('tracks') == 1 then
    moves.change(album, {
      ready_tracks = album.ready_tracks - ready, ready_suspects = album.ready_suspects - suspect,
      completed_tracks = album.completed_tracks - completed, failed_tracks = album.failed_tracks - failed,
      entered = album.entered - 1, track_count = album.track_count - 1, unlisted = album.unlisted + 1,
    })
    albums.close_if_done(album)
  end
end

-- A field of the broken record, as far as it is there.
local function got(field)
  local value = redis.pcall('HGET', name, field)
  return type(value) == 'string' and value or nil
end

-- Take a job out of the lists and figures of its client, as far as its record still says which.
local function leave_client(client, state, kind)
  local open = call('ZREM', key('unfinished'), ARGV[4]) == 1
  if not client then
    return
  elseif open then
    later.add(key('clients'), client, -1)
    if STATES[state] then
      later.add(key('counters'), 'status:' .. status_of({ state = state }), -1)
    end
  end
  for _, lane in ipairs({ 'track', 'resolve' }) do
    leave_entries(lane, client)
  end
  if state == 'active' or (open and state == 'waiting') then
    fair.shift(kind == 'album' and 'resolve' or 'track', client, 0, 0, -1)
  end
end

-- What cannot be read at all is taken out of every index that names tasks by their number, and out of what its record
-- still says it belongs to.
local function take_out()
  local id, parent, worker, token = got('id') or '', got('parent'), got('worker'), got('token')
  copy(id)
  leave_client(got('client'), got('state'), got('type'))
  for _, index in ipairs({ 'jobs', 'paused', 'due', 'leases', 'chores', 'suspects', 'arrived' }) do
    call('ZREM', key(index), ARGV[4])
  end
  if worker then
    call('ZREM', key('held', worker), ARGV[4])
  end
  if token then
    call('HDEL', key('tokens'), token)
  end
  if id ~= '' and call('HGET', key('ids'), id) == ARGV[4] then
    call('HDEL', key('ids'), id)
    queue.tell(id, 'removed')
  end
  if call('EXISTS', key('album', ARGV[4], 'tracks')) == 1 then
    call('SADD', key('orphans'), ARGV[4])
  end
  local committed = redis.pcall('HGET', texts, 'publication')
  filed.follow(ARGV[4], type(committed) == 'string' and committed or nil, nil)
  call('DEL', name, texts, key('arrived', ARGV[4]), key('history', ARGV[4]))
  local fine, album = pcall(tasks.load, parent)
  if fine and album then
    leave_album(album)
  end
  return { id }
end

local function leave_line(kind, name)
  if kind == 'album' then
    leave_album(tasks.load(name))
  else
    leave_entries(kind, name)
  end
  return { '' }
end

return queue.run(function()
  local kind, line = string.match(ARGV[6], '^(%S+) (.*)$')
  if kind then
    return leave_line(kind, line)
  end
  local fine, task = pcall(tasks.load, ARGV[4])
  if not fine or ARGV[7] == '1' then
    return take_out()
  end
  return task and mend(task) or { '' }
end, places.finish)
