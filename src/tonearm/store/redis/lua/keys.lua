#!lua flags=no-writes
-- keys: the keys of the API and their sessions.
-- needs: queue
-- KEYS  1 meta
-- ARGV  1-3 time
-- Reply {name, record (JSON), …}
-- Cost  O(keys), of which there are few (model/keys.py).

return queue.run(function()
  return call('HGETALL', key('keys'))
end)
