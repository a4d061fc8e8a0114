-- turns: who may have another task, and who waits until enough of what it received has left the window.
--
-- A client that holds all the transfers that it may is passed over where it stands. One that has used up its allowance
-- is closed (`fair`), so that it stands in nobody's way any more. What holds for a client, its key says (`keys`), or
-- else the settings of the worker that claims.

local turns = { most = 0, allowed = 0, closed = 0, cut_short = false, own = {} }

-- What the key of a client has of its own: transfers at a time, and bytes.
local function own_limits(client)
  local known = turns.own[client]
  if not known then
    local fine, record = pcall(cjson.decode, call('HGET', key('keys'), client) or '')
    local limits = fine and type(record) == 'table' and record.limits
    limits = type(limits) == 'table' and limits or {}
    known = { most = tonumber(limits.concurrent), allowed = tonumber(limits.bytes) }
    turns.own[client] = known
  end
  return known
end

-- Begin a claim where the settings allow so many transfers at a time and so many bytes (0: no limit). Those that were
-- closed for want of what is allowed now go on.
function turns.begin(most, allowed)
  turns.most, turns.allowed = most, allowed
  local more = fair.reopen_due()
  turns.cut_short = fair.reopen_below(allowed) or more
end

-- Judge a client whose turn it is (`fair.next_client`).
function turns.judge(kind, client, held)
  local own = own_limits(client)
  local most = own.most or turns.most
  if kind == 'track' and most > 0 and held >= most then
    return 'passed'
  end
  local wait_ms = bytes.wait(client, own.allowed or turns.allowed)
  if not wait_ms then
    if lane_of(kind, client).closed then -- a program of the version before put it there
      fair.reopen(client)
    end
    return 'yes'
  elseif turns.closed >= PAGE then
    turns.cut_short = true
    return 'enough'
  end
  fair.close(client, queue.now + wait_ms, not own.allowed and turns.allowed or nil)
  turns.closed = turns.closed + 1
  return 'closed'
end
