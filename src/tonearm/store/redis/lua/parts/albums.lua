-- albums: the tracks of a resolved album, what they follow in pages, and how the album ends.
--
-- A *chore* is what an album decided and its tracks have yet to follow: cancel, retry, or trim (records beyond the
-- list, left by an earlier resolving). The album's own state counts at once; an album with surplus records offers no
-- track, and one with a chore does not end before it is done. Tracks of a deleted album (`orphans`) cannot be claimed,
-- committed or completed.

local albums = {}

local function retries_without_resolving(job)
  return { retry_count = job.retry_count - job.resolve_retries, resolve_retries = 0 }
end

local function fail_whole(album)
  local first = call('ZRANGE', key('album', str(album.seq), 'failed'), 0, 0)[1]
  local track = first and tasks.load(first)
  local code = track and track.failure_code or 'internal'
  moves.move(album, 'failed', { error = ALL_FAILED, last_error = ALL_FAILED, failure_code = code })
  moves.note(album, 'failed', { code = code, message = ALL_FAILED })
end

-- End an album whose last track has become final; harmless for any other, and for nil.
function albums.close_if_done(album)
  places.flush()
  if not album or album.chore or not is_resolved(album) or album.entered ~= album.track_count then
    return
  elseif album.state ~= 'waiting' and album.came_from ~= 'waiting' then
    return
  elseif album.completed_tracks + album.failed_tracks + album.cancelled_tracks < album.track_count then
    return
  elseif album.completed_tracks == 0 then
    fail_whole(album)
    return
  end
  local text = missing.partial(album)
  moves.move(album, 'completed', {
    outcome = text and 'partial' or 'ok', error = text or false, last_error = text or album.last_error or false,
  })
  moves.note(album, 'completed', { message = text })
end

-- Cancel a track that nobody works on; one that is worked on is told at its next poll.
local function cancel_track(track)
  if not is_final(track) and track.state ~= 'active' then
    moves.move(track, 'cancelled')
    moves.discard_stage(track)
  end
end

-- Give a track all its retries again; one that is still worked on goes on, and its marks with it.
local function retry_track(track)
  if track.state == 'active' then
    moves.change(track, { retry_count = 0, corrupt_count = 0 })
  elseif track.state == 'ready' then
    moves.change(track, merged(FRESH, { retry_count = 0 }))
  else
    moves.move(track, 'ready', merged(FRESH, { retry_count = 0 }))
  end
end

-- Take a number without a record out of the lines of an album.
local function strike(album_seq, seq)
  for _, line in ipairs({ 'tracks', 'open', 'ready', 'suspects', 'active', 'completed', 'failed' }) do
    call('ZREM', key('album', album_seq, line), seq)
  end
end

local function follow(chore, track)
  if chore == 'trim' then
    endings.leave(track)
    moves.drop(track)
  elseif chore == 'cancel' then
    cancel_track(track)
  else
    retry_track(track)
  end
end

local function next_of_chore(album, limit)
  local seq = str(album.seq)
  if album.chore == 'trim' then
    local beyond = '(' .. str(album.track_count)
    return call('ZREVRANGEBYSCORE', key('album', seq, 'tracks'), '+inf', beyond, 'LIMIT', 0, limit)
  end
  local behind = '(' .. str(album.chore_position)
  return call('ZRANGEBYSCORE', key('album', seq, 'open'), behind, '+inf', 'LIMIT', 0, limit)
end

-- Do up to *limit* tracks of an album's chore; the album may end with it. Answers how many were touched.
function albums.carry_on(album, limit)
  places.flush()
  local chore, last = album.chore, nil
  local numbers = next_of_chore(album, limit)
  for _, seq in ipairs(numbers) do
    local track = tasks.load(seq)
    if track then
      last = track.position
      follow(chore, track)
    else
      strike(str(album.seq), seq)
    end
  end
  places.flush()
  if #numbers < limit then
    local surplus = is_listed(album) and album.entered > album.track_count
    moves.change(album, { chore = surplus and 'trim' or false, chore_position = surplus and 0 or false })
    moves.tell(album)
    albums.close_if_done(album)
  elseif chore ~= 'trim' then
    moves.change(album, { chore_position = last or album.chore_position })
  end
  return #numbers
end

-- Begin what the tracks of an album have to follow, and do the first page of it.
function albums.begin(album, chore)
  moves.change(album, { chore = chore, chore_position = 0 })
  albums.carry_on(album, PAGE)
end

-- An album whose list is fixed waits for its tracks, and for nothing more where all of them are final.
function albums.go_on(job)
  if not is_final(job) then
    if job.pause_wanted == 1 then
      moves.move(job, 'paused', { came_from = 'waiting' })
      moves.note(job, 'paused')
    else
      moves.move(job, 'waiting')
    end
  end
  places.flush()
  if job.entered > job.track_count and not job.chore then
    albums.begin(job, 'trim')
  end
  albums.close_if_done(job)
end

-- Let an album whose list could not be had again go on with the one that it had; its claim has ended.
function albums.keep_list(job, code, message)
  moves.note(job, 'failed', { code = code, message = message })
  moves.change(job, merged({ last_error = message }, retries_without_resolving(job)))
  albums.go_on(job)
end

-- Remove up to *limit* records of a deleted album's tracks, those being worked on first. Answers how many.
function albums.remove_orphans(album_seq, limit)
  places.flush()
  local numbers = call('ZRANGE', key('album', album_seq, 'active'), 0, limit - 1)
  local seen = {}
  for _, seq in ipairs(numbers) do
    seen[seq] = true
  end
  for _, seq in ipairs(call('ZRANGE', key('album', album_seq, 'tracks'), 0, limit - 1)) do
    if #numbers < limit and not seen[seq] then
      numbers[#numbers + 1] = seq
    end
  end
  for _, seq in ipairs(numbers) do
    local track = tasks.load(seq)
    if track then
      endings.leave(track)
      moves.drop(track)
    else
      strike(album_seq, seq)
    end
  end
  if #numbers < limit then
    call('SREM', key('orphans'), album_seq)
  end
  return #numbers
end

-- Remove the record of a job; the tracks of an album follow in sweeps, but for the first *limit*. Answers how many of
-- them were removed here.
function albums.remove(job, limit)
  local entered = job.entered
  endings.leave(job)
  moves.drop(job)
  if entered == 0 then
    return 0
  end
  call('SADD', key('orphans'), str(job.seq))
  return limit > 0 and albums.remove_orphans(str(job.seq), limit) or 0
end
