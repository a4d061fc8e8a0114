#!lua flags=allow-oom
-- sweep: one bounded step of everything that waits for time to pass.
-- needs: queue tasks later filed fair places moves bytes held marks endings missing albums crashes pages arrivals
--       deliveries forgetting
-- KEYS  1 meta
-- ARGV  1-3 time
-- Reply {leases freed, crashed, tracks touched, '1' if there is more to do at once}
-- Cost  at most a page of leases, of tracks to touch, of tracks to enter, and of each kind of old thing.

local function free_expired()
  local numbers = call('ZRANGEBYSCORE', key('leases'), '-inf', str(queue.now), 'LIMIT', 0, PAGE)
  local failed = 0
  for _, seq in ipairs(numbers) do
    local task = tasks.load(seq)
    if not task or task.state ~= 'active' then
      call('ZREM', key('leases'), seq)
    elseif free_claim(task, nil, true) == 'failed' then
      failed = failed + 1
    end
  end
  return #numbers, failed
end

local function remove_orphans()
  local done = 0
  for _, album in ipairs(call('SMEMBERS', key('orphans'))) do
    if done >= PAGE then
      break
    end
    done = done + albums.remove_orphans(album, PAGE - done)
  end
  return done
end

local function carry_on_chores(limit)
  local done = 0
  places.finish()
  for _, seq in ipairs(call('ZRANGE', key('chores'), 0, PAGE - 1)) do
    if done >= limit then
      break
    end
    local album = tasks.load(seq)
    if album then
      done = done + albums.carry_on(album, limit - done)
    end
  end
  return done
end

return queue.run(function()
  local arrival = arrivals.next()
  local freed, crashed = free_expired()
  local given_up = endings.expire(PAGE)
  local touched = remove_orphans()
  touched = touched + carry_on_chores(PAGE - touched)
  places.flush()
  if arrival and touched < PAGE then
    arrivals.enter(arrival)
  end
  local more = forgetting.old()
  more = fair.reopen_due() or more
  fair.forget_idle()
  more = more or arrival or freed == PAGE or given_up == PAGE or touched >= PAGE
  return { freed - crashed, crashed, touched, more and '1' or '' }
end, places.finish)
