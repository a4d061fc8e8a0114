#!lua flags=no-writes
-- job: one job, whole or as in lists, with what workers say; also a deleted one for as long as its deletion said.
-- needs: queue tasks snapshots
-- KEYS  1 meta
-- ARGV  1-3 time  4 job id  5 'whole' or 'short'
-- Reply {'job', snapshot, reports} | {'tombstone', JSON}
-- Refused  NOT_FOUND id
-- Cost  O(tracks that are shown).

return queue.run(function()
  local seq = call('HGET', key('ids'), ARGV[4])
  local task = seq and tasks.load(seq)
  if task then
    local whole = ARGV[5] == 'whole'
    local limit = whole and snapshots.LONG or snapshots.SHORT
    return { 'job', snapshots.of_job(task, limit, whole), snapshots.reports() }
  end
  local kept_until = tonumber(call('ZSCORE', key('tombstones_until'), ARGV[4]))
  if not kept_until or kept_until <= queue.now then
    refuse('NOT_FOUND', ARGV[4])
  end
  return { 'tombstone', call('HGET', key('tombstones'), ARGV[4]) }
end)
