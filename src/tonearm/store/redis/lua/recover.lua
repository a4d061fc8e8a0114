#!lua flags=allow-oom
-- recover: free every lease of a worker that is known to be dead.
-- needs: queue tasks later filed fair places moves bytes held marks endings missing albums crashes
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 '1' to charge stalls  6 marks, JSON: {task id: {phase, bytes, total}}
-- Reply {how many were freed}; call again until it is 0
-- Cost  at most a page of leases, each O(log n).

return queue.run(function()
  local worker, marks = ARGV[4], cjson.decode(ARGV[6])
  local numbers = call('ZRANGE', key('held', worker), 0, PAGE - 1)
  for _, seq in ipairs(numbers) do
    local task = tasks.load(seq)
    if task and task.worker == worker then
      free_claim(task, marks[task.id], ARGV[5] == '1')
    else
      call('ZREM', key('held', worker), seq)
    end
  end
  return { #numbers + endings.recover(worker, PAGE - #numbers) }
end, places.finish)
