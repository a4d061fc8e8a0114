-- missing: what an album says about the tracks that did not arrive, or that the catalog announced and never listed.

local missing = {}

local ERROR_LIMIT = 500 -- characters
local EMPTY = 'Album has no tracks'
local ALL_FAILED = 'All tracks failed'
local ELLIPSIS = '…'

local function characters(text)
  local _, count = string.gsub(text, '[^\128-\191]', '')
  return count
end

-- The first *count* characters of a text.
local function cut(text, count)
  local place, seen = 1, 0
  while place <= #text do
    local byte = string.byte(text, place)
    if byte < 128 or byte > 191 then
      seen = seen + 1
      if seen > count then
        break
      end
    end
    place = place + 1
  end
  return string.sub(text, 1, place - 1)
end

-- A number with a comma between thousands.
local function commas(number)
  local text = str(number)
  local swapped = 1
  while swapped > 0 do
    text, swapped = string.gsub(text, '^(%d+)(%d%d%d)', '%1,%2')
  end
  return text
end

local function also(unlisted)
  if unlisted == 0 then
    return ''
  end
  local were = unlisted == 1 and 'was' or 'were'
  return '; ' .. commas(unlisted) .. ' more ' .. were .. ' announced but not listed by the catalog'
end

local function failed_labels(album, limit)
  local labels = {}
  for _, seq in ipairs(call('ZRANGE', key('album', str(album.seq), 'failed'), 0, limit - 1)) do
    local track = tasks.load(seq)
    labels[#labels + 1] = track and label_of(track) or nil
  end
  return labels
end

local function named(album, count, limit)
  local text = commas(count) .. ' of ' .. commas(album.track_count) .. ' tracks failed: '
  local labels = failed_labels(album, math.floor(limit / #'00 X, '))
  for place, label in ipairs(labels) do
    local shown = place - 1
    local left = count - place
    local rest = left > 0 and ' ' .. ELLIPSIS .. ' and ' .. commas(left) .. ' more' or ''
    local joined = text .. (shown > 0 and ', ' or '') .. label
    if characters(joined) + characters(rest) > limit then
      if shown > 0 then
        return text .. ' ' .. ELLIPSIS .. ' and ' .. commas(count - shown) .. ' more'
      end
      return cut(joined, limit - characters(rest) - 1) .. ELLIPSIS .. rest
    end
    text = joined
  end
  return #labels >= count and text or text .. ' ' .. ELLIPSIS .. ' and ' .. commas(count - #labels) .. ' more'
end

-- The error of an album of which something is missing; nil: nothing is.
function missing.partial(album)
  local count = album.track_count - album.completed_tracks
  if count > 0 then
    local more = also(album.unlisted)
    return named(album, count, ERROR_LIMIT - characters(more)) .. more
  elseif album.unlisted > 0 then
    local were = album.unlisted == 1 and 'was' or 'were'
    return commas(album.unlisted) .. ' of ' .. commas(album.track_count + album.unlisted) .. ' tracks ' .. were
      .. ' announced but not listed by the catalog'
  end
  return nil
end
