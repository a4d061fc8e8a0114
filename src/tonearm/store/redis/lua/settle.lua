#!lua flags=allow-oom
-- settle: end a claim: completed, failed, delayed for a retry, released, cancelled or paused.
-- needs: queue tasks fair places moves held marks endings missing albums settling
-- KEYS  1 meta
-- ARGV  1-3 time  4 task id  5 token  6 outcome, JSON: kind and what it has  7 mark, JSON: {phase, bytes, total}, or ''
-- Reply {}
-- Refused  LEASE_LOST id token | UNCOMMITTED id
-- Cost  O(log n).

return queue.run(function()
  settling.settle(ARGV[4], ARGV[5], cjson.decode(ARGV[6]), ARGV[7] ~= '' and cjson.decode(ARGV[7]) or nil)
  return {}
end, places.flush)
