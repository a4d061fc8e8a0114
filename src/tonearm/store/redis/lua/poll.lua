#!lua flags=no-writes
-- poll: what is wanted of a worker's claims, which stages nobody wants, and how people steer the queue.
-- needs: queue tasks held steering polling
-- KEYS  1 meta
-- ARGV  1-3 time  4 worker  5 silence after which a worker is dead, ms  6… tokens
-- Reply {ids to cancel, ids to pause, ids lost, stages `task epoch`, control}
-- Cost  O(1) a token, O(1) a worker that left stages.

return queue.run(function()
  local cancel, pause, lost = {}, {}, {}
  for place = 6, #ARGV do
    polling.ask(ARGV[4], ARGV[place], cancel, pause, lost)
  end
  return { cancel, pause, lost, polling.stages_for(ARGV[4], tonumber(ARGV[5])), control() }
end)
