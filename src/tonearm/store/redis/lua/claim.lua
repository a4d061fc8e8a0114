#!lua flags=allow-oom
-- claim: hand out ready tasks to one worker as leases, fairly between clients.
-- needs: queue tasks later filed fair places moves bytes steering turns claims
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 transfers  6 albums  7 lease, ms  8 nonce, hex, drawn by the caller for this request
--       9 transfers of one client at a time  10 bytes that it may receive in 24 hours (0: no limit)
-- Reply {ms until a delayed task becomes due or '', claim, …}; a claim is {stage before, album, task} (claims.lua).
--       Said again with the same nonce, because the reply was lost, it answers the same claims.
-- Cost  at most a page of promotions, of clients that go on and of clients that are closed, and n picks, each O(log n).

return queue.run(function()
  return claims.claim(ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9]),
    tonumber(ARGV[10]))
end, places.finish)
