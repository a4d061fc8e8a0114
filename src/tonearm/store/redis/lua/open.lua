#!lua flags=allow-oom
-- open: enter a queue: it is made where there is none, and its version is compared.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time  4 the version that this program writes  5 the oldest that it can work beside  6 an instance, drawn
-- Reply {version, instance}
-- Refused  VERSION what is there, the oldest that it works beside
-- Cost  O(1).

local found = queue.version
queue.version = tonumber(ARGV[4])

return queue.run(function()
  local kept = call('HMGET', META, 'works_beside', 'instance')
  local version, beside = found, tonumber(kept[1])
  local own, oldest = tonumber(ARGV[4]), tonumber(ARGV[5])
  if version and (version < oldest or beside > own) then
    refuse('VERSION', str(version), str(beside))
  end
  if not version or own > version then
    call('HSET', META, 'version', str(own), 'works_beside', str(oldest))
  end
  if not kept[2] then
    call('XADD', key('wakes'), '*', 'w', '1')
    call('HSET', META, 'instance', ARGV[6])
  end
  return { str(math.max(version or 0, own)), kept[2] or ARGV[6] }
end, function() end)
