#!lua flags=allow-oom
-- renew: prolong the leases of claims and record how far they have come.
-- needs: queue tasks later filed fair places moves bytes held marks endings
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 lease, ms  6… token, phase, bytes done, bytes in all or '', bytes received, of each
-- Reply the tokens that are not current any more
-- Cost  O(log n) each.

return queue.run(function()
  local lost, worker, lease_until = {}, ARGV[4], queue.now + tonumber(ARGV[5])
  for place = 6, #ARGV, 5 do
    local token = ARGV[place]
    local task = holder_of(token)
    if task and task.worker == worker then
      local reached = reach(task, ARGV[place + 1], ARGV[place + 2], ARGV[place + 3])
      moves.change(task, merged({ lease_until = lease_until }, reached))
      bytes.note(task, ARGV[place + 4])
    elseif not endings.renew(worker, token, lease_until, ARGV[place + 4]) then
      lost[#lost + 1] = token
    end
  end
  return lost
end, places.finish)
