-- steering: how people control the whole queue, kept in `meta`. A field that is as the settings say is not there.

local STEERED = { 'paused', 'bandwidth_limit', 'max_concurrent' }

-- {paused ('1' or ''), bandwidth limit or '', transfers or ''}
local function control()
  local kept = call('HMGET', META, 'control:paused', 'control:bandwidth_limit', 'control:max_concurrent')
  return { kept[1] or '', kept[2] or '', kept[3] or '' }
end
