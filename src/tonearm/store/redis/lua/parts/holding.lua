-- holding: titles, the reserved name, and the commit point of a task that is held.

local holding = {}

-- Fill in titles that the submission left out (`Store.describe`).
function holding.describe(task, title, artist, album)
  local found, news = { track_title = title, artist_name = artist, album_title = album }, {}
  for name, text in pairs(found) do
    if not task[name] then
      news[name] = text
    end
  end
  if next(news) then
    moves.change(task, news)
    moves.tell(task)
  end
end

-- How a name is held by its owner: a track's until its album is over and it has published what it committed; nil: not.
local function hold_of(owner)
  local album = album_of(owner)
  if not owner.parent or (album and not is_final(album)) then
    return 'taken'
  end
  return owner.state == 'active' and owner.publication and 'leaving' or nil
end

-- Reserve a library name for the task (`Store.reserve`).
function holding.reserve(task, name, name_key)
  if endings.publishes(name_key) then
    return 'leaving'
  end
  local seq = call('HGET', key('names'), name_key)
  local owner = seq and tasks.load(seq)
  if owner and owner.seq ~= task.seq then
    local hold = hold_of(owner)
    if hold then
      return hold
    end
    free_name(owner)
  end
  if task.reserved_key ~= name_key then
    free_name(task)
  end
  call('HSET', key('names'), name_key, str(task.seq))
  tasks.put(task, 'reserved', name)
  tasks.put(task, 'reserved_key', name_key)
  return 'own'
end

-- Record what is about to be published (`Store.commit`).
function holding.commit(task, publication)
  if task.publication == publication then
    return
  end
  local cancel, pause = wanted_of(task)
  if cancel or pause then
    refuse('UNWANTED', task.id)
  end
  moves.change(task, { publication = publication })
end

-- Take back a publication that nobody can make any more (`Store.retract`).
function holding.retract(task)
  moves.change(task, { publication = false })
end
