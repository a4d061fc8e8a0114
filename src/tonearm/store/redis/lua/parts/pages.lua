-- pages: tracks of albums that another store dumped, until they have records here.
--
-- As long as the last page has not come, nobody sees the album: its pages wait in `arriving:<job id>`, and stand in
-- `arriving` by the time of the first. With the last one the album is here, its pages wait in `arrived:<seq>`, and
-- stand in `arrived`, until sweeps have entered them. Both are hashes of pages by the position of their first track,
-- and `following` is the position where the next one begins. A page is kept as when it came, how many tracks it has,
-- and their entries as JSON.
--
-- An entry is {fields, reserved, reserved_key, unfinished}: a task as it enters, its times relative to when it came;
-- the library name that it held; and whether it was unfinished when it was dumped.

local pages = {}

local TIMES = { created_at = true, updated_at = true, due_at = true, started_at = true, finished_at = true }

-- Keep a page; the first one begins anew, and each of the others comes behind the one before it, or again.
function pages.keep(job_id, start, count, entries)
  local name = key('arriving', job_id)
  if start == 1 then
    call('UNLINK', name)
    call('ZADD', key('arriving'), queue.now, job_id)
  end
  local known = call('HGET', name, str(start))
  local following = tonumber(call('HGET', name, 'following')) or 1
  local again = known and string.match(known, '^%S+ (%S+) ') == str(count)
  if start ~= following and not again then
    refuse('PAGES', job_id, str(start))
  end
  call('HSET', name, str(start), str(queue.now) .. ' ' .. str(count) .. ' ' .. entries)
  if not again then
    call('HSET', name, 'following', str(start + count))
  end
end

-- The last page is here, and with it the album.
function pages.complete(album)
  call('RENAME', key('arriving', album.id), key('arrived', str(album.seq)))
  call('ZREM', key('arriving'), album.id)
  call('ZADD', key('arrived'), album.seq, str(album.seq))
end

function pages.forget_arriving(job_id)
  call('UNLINK', key('arriving', job_id))
end

function pages.forget(seq)
  call('UNLINK', key('arrived', seq))
  call('ZREM', key('arrived'), seq)
end

local function read(album, body)
  local at, entries = string.match(body, '^(%d+) %d+ (.*)$')
  local fine, found = pcall(cjson.decode, entries or '')
  if not fine or type(found) ~= 'table' then
    unreadable(album.seq, 'a page of tracks that arrived is not JSON')
  end
  return { at = tonumber(at), entries = found }
end

-- The page of an album's tracks that begins at this position.
function pages.load(album, start)
  local body = call('HGET', key('arrived', str(album.seq)), str(start))
  if not body then
    unreadable(album.seq, 'its tracks from position ' .. str(start) .. ' on never got here')
  end
  return read(album, body)
end

-- The fields of a task that came at this time.
function pages.fields(entry, at)
  local fields = {}
  for name, value in pairs(entry.fields) do
    fields[name] = TIMES[name] and at + value or value
  end
  return fields
end

-- The fields of a track of an album.
function pages.track(album, entry, at)
  local fields = pages.fields(entry, at)
  fields.id = album.id .. '.' .. str(fields.position)
  fields.parent, fields.type = album.seq, 'track'
  for _, name in ipairs({ 'client', 'quality', 'priority', 'max_retries' }) do
    fields[name] = album[name]
  end
  return fields
end

local function flat_of_entry(album, entry, at)
  local flat = { 'seq', str(album.seq) } -- it has no number of its own yet
  for name, value in pairs(pages.track(album, entry, at)) do
    flat[#flat + 1], flat[#flat + 2] = name, kept(value)
  end
  if entry.reserved_key then
    for _, name in ipairs({ 'reserved', 'reserved_key' }) do
      flat[#flat + 1], flat[#flat + 2] = name, entry[name]
    end
  end
  return flat
end

-- The tracks without records from a position on, as readers get them, those of one page.
function pages.awaited(album, position)
  local starts, found = {}, {}
  for start = position, math.max(1, position - PAGE + 1), -1 do
    starts[#starts + 1] = str(start)
  end
  for _, body in ipairs(call('HMGET', key('arrived', str(album.seq)), unpack(starts))) do
    if body then
      local page = read(album, body)
      for _, entry in ipairs(page.entries) do
        if entry.fields.position >= position then
          found[#found + 1] = flat_of_entry(album, entry, page.at)
        end
      end
      break
    end
  end
  return found
end
