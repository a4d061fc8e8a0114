-- later: writes that are made together when a script ends, those to one key as one command; the last word on a member
-- wins.
--
-- Nothing that a script still reads may be written like this, but a field that it reads by `later.read`, and sets of
-- `later.soon`, the entries of clients and the tracks of albums: whoever reads them has them written before by
-- `places.flush`. The orders of lanes are written as soon as they count (`fair`).

local later = { sets = {}, soon_sets = {}, fields = {}, sums = {} }

local function at(writes, name)
  local found = writes[name]
  if not found then
    found = {}
    writes[name] = found
  end
  return found
end

-- Put a member of an ordered set at this score; false takes it away.
function later.place(name, member, score)
  at(later.sets, name)[member] = score
end

-- The same for a set that is read again before the script ends.
function later.soon(name, member, score)
  at(later.soon_sets, name)[member] = score
end

-- Put a field of a hash; false takes it away.
function later.field(name, field, value)
  at(later.fields, name)[field] = value
end

-- A field as it will be; false: it is not there.
function later.read(name, field)
  local fields = later.fields[name]
  local value = fields and fields[field]
  if value ~= nil then
    return value
  end
  return call('HGET', name, field)
end

-- Add to a number in a hash, which is away while it is 0.
function later.add(name, field, by)
  local sums = at(later.sums, name)
  sums[field] = (sums[field] or 0) + by
end

-- What will be added to a number.
function later.pending(name, field)
  local sums = later.sums[name]
  return sums and sums[field] or 0
end

local function write_sets(sets)
  for name, members in pairs(sets) do
    local added, gone = {}, {}
    for member, score in pairs(members) do
      if score then
        added[#added + 1], added[#added + 2] = str(score), member
      else
        gone[#gone + 1] = member
      end
    end
    if #gone > 0 then
      call('ZREM', name, unpack(gone))
    end
    if #added > 0 then
      call('ZADD', name, unpack(added))
    end
  end
end

local function write_hashes()
  for name, fields in pairs(later.fields) do
    local set, gone = {}, {}
    for field, value in pairs(fields) do
      if value then
        set[#set + 1], set[#set + 2] = field, value
      else
        gone[#gone + 1] = field
      end
    end
    if #gone > 0 then
      call('HDEL', name, unpack(gone))
    end
    if #set > 0 then
      call('HSET', name, unpack(set))
    end
  end
end

-- Write the sets that are read again.
function later.flush_soon()
  if next(later.soon_sets) then
    write_sets(later.soon_sets)
    later.soon_sets = {}
  end
end

-- Make all of them.
function later.flush()
  later.flush_soon()
  write_sets(later.sets)
  write_hashes()
  for name, sums in pairs(later.sums) do
    for field, by in pairs(sums) do
      local sum = by ~= 0 and redis.pcall('HINCRBY', name, field, by) or nil
      if sum == 0 or type(sum) == 'table' then -- no number any more: the audit says what it should be
        call('HDEL', name, field)
      end
    end
  end
  later.sets, later.fields, later.sums = {}, {}, {}
end
