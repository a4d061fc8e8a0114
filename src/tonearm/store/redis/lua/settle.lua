#!lua flags=allow-oom
-- settle: end claims: completed, failed, delayed for a retry, released, cancelled or paused.
-- needs: queue tasks later filed fair places moves bytes held marks endings missing albums settling
-- KEYS  1 meta
-- ARGV  1-3 time  4… for each: task id, token, outcome (JSON: kind and what it has), mark (JSON {phase, bytes,
--       total, received} or '')
-- Reply {} for each
-- Refused  LEASE_LOST id token | UNCOMMITTED id
-- Cost  O(log n) each.

return queue.run_each(4, function(task_id, token, outcome, mark)
  settling.settle(task_id, token, cjson.decode(outcome), mark ~= '' and cjson.decode(mark) or nil)
  return {}
end, places.finish)
