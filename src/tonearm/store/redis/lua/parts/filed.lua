-- filed: which records name a file of the library, by what their tasks have committed.
--
-- They stand in `filed` as `<digest of the path>:<seq>`, of one score, read by bytes. What a program committed that
-- knew no such index has no entry: the file of a job without its own entry counts as one that others may name.

local filed = {}

local DIGITS = 12  -- 48 bits: that two paths share a digest keeps a file, and harms nothing
local MOST = 20    -- entries that are looked at; a file that more name counts as one that others name

local function digest_of(path)
  return string.sub(redis.sha1hex(path), 1, DIGITS)
end

local function member_of(publication, seq)
  local fine, told = pcall(cjson.decode, publication or '')
  local path = fine and type(told) == 'table' and told.path
  return type(path) == 'string' and digest_of(path) .. ':' .. seq or nil
end

-- Follow the record of a task, its number as a text, from what it had committed to what it has now; nil: nothing.
function filed.follow(seq, had, has)
  local before, after = member_of(had, seq), member_of(has, seq)
  if before == after then
    return
  end
  if before then
    later.place(key('filed'), before, false)
  end
  if after then
    later.place(key('filed'), after, 0)
  end
end

-- Whether other jobs than *own* (its number as a text; nil: none of this queue) name the file, or may.
function filed.elsewhere(path, own)
  local digest = digest_of(path)
  local entries = call('ZRANGEBYLEX', key('filed'), '[' .. digest .. ':', '(' .. digest .. ';', 'LIMIT', 0, MOST)
  local has_own = false
  for _, entry in ipairs(entries) do
    local task = tasks.load(string.sub(entry, DIGITS + 2))
    local job = task and not is_orphan(task) and str(task.parent or task.seq)
    if job and job ~= own then
      return true
    end
    has_own = has_own or job == own
  end
  return #entries == MOST or (own and not has_own)
end
