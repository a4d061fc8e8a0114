-- lists: the track list of an album, entered in pages, and fixed with the last.

local lists = {}

-- More claims than a place in one list ever has. A place that was gone from the list and comes with a later one begins
-- beyond them, because stages of its earlier claims may still be about to be removed.
local EPOCHS_A_LIST = 1000000

-- The track's place in the list belongs to another one now; what its claims brought stays in the library.
local function begin_anew(track)
  endings.leave(track)
  free_name(track)
  local anew = merged(FRESH, OUTCOME, { retry_count = 0, ended_token = false, stage_worker = false })
  if track.state == 'ready' then
    moves.change(track, anew)
  else
    moves.move(track, 'ready', anew)
  end
end

local function add_track(job, position, titles)
  moves.add(merged(titles, {
    id = job.id .. '.' .. str(position),
    parent = job.seq,
    position = position,
    type = 'track',
    client = job.client,
    quality = job.quality,
    priority = job.priority,
    max_retries = job.max_retries,
    state = 'ready',
    created_at = queue.now,
    updated_at = queue.now,
    epoch = is_resolved(job) and (job.epoch - 1) * EPOCHS_A_LIST or 0,
  }))
end

local function enter_track(job, album, position, track)
  local titles = {
    catalog_id = track.id,
    track_title = track.title,
    album_title = album.title,
    artist_name = track.artist or album.artist,
    track_number = track.number,
  }
  local known = tasks.load(call('ZRANGEBYSCORE', key('album', str(job.seq), 'tracks'), position, position)[1])
  if not known then
    add_track(job, position, titles)
    return
  end
  if known.catalog_id ~= track.id then
    begin_anew(known)
  end
  moves.change(known, merged({ track_number = false }, titles))
end

local function fail_empty(job, unlisted)
  moves.move(job, 'failed', { error = EMPTY, last_error = EMPTY, failure_code = 'not_found' })
  local also_announced = unlisted > 0 and ' (' .. commas(unlisted) .. ' announced)' or ''
  moves.note(job, 'failed', { code = 'not_found', message = EMPTY .. also_announced })
end

local function fix(job, count, announced)
  local cancel = wanted_of(job)
  local unlisted = math.max(0, announced - count)
  moves.change(job, { ended_token = job.token, stalls = 0 })
  if count == 0 and is_resolved(job) and not cancel then
    albums.keep_list(job, 'not_found', EMPTY)
    return
  end
  if count > 0 and not cancel then
    local more = unlisted > 0 and ', ' .. commas(announced) .. ' announced' or ''
    moves.note(job, 'resolved', { message = commas(count) .. ' tracks' .. more })
  end
  if count > 0 or not is_resolved(job) then -- a cancel while it is resolved again leaves it the list that it had
    moves.change(job, { track_count = count, unlisted = unlisted })
  end
  moves.change(job, { retry_count = job.retry_count - job.resolve_retries, resolve_retries = 0 })
  if cancel then
    moves.move(job, 'cancelled')
    moves.note(job, 'cancelled')
    albums.begin(job, 'cancel')
    return
  elseif count == 0 then
    fail_empty(job, unlisted)
  end
  albums.go_on(job)
end

-- Enter a page from position *start* on (`Store.expand`).
function lists.enter(job, album, start, tracks, last)
  if not is_album(job) or start < 1 or start > job.entered + 1 then
    refuse('POSITION', str(start))
  end
  local news = moves.change(job, {
    album = album.text,
    album_title = job.album_title or album.title,
    artist_name = job.artist_name or album.artist,
  })
  for place, track in ipairs(tracks) do
    enter_track(job, album, start + place - 1, track)
  end
  places.flush()
  if last then
    fix(job, start + #tracks - 1, album.announced or 0)
  elseif news then
    moves.tell(job)
  end
end
