-- Ends what is overdue and forgets what was kept long enough, a part of the queue at a time.
--
-- ARGV[2] at most so many records  [3] so many are passed over: those that an earlier part had to leave alone
-- Returns  how many were due, how many of them it left alone (their version is unknown), the keys that it ended
local DAY = 86400000
local due = redis.call('ZRANGEBYSCORE', base .. ':due', '-inf', now_text, 'LIMIT', ARGV[3], ARGV[2])
local left_alone, ended = 0, {}

local function forget(key)
  redis.call('DEL', base .. ':record:' .. key, base .. ':held:' .. key, base .. ':votes:' .. key)
  for _, index in ipairs({ ':open', ':ended', ':due' }) do redis.call('ZREM', base .. index, key) end
end

local function forget_usage(record)
  local used, identical = usage(record)
  if redis.call('HINCRBY', used, 'calls', -1) <= 0 then return redis.call('DEL', used) end
  for _, name in ipairs({ 'approved', identical.approved, identical.rejected }) do
    if redis.call('HGET', used, name) == record.key then redis.call('HDEL', used, name) end
  end
end

for _, key in ipairs(due) do
  local record = read(key)
  if not record then
    forget(key)
  elseif record.v ~= VERSION then
    left_alone = left_alone + 1
  elseif is_open(record) then
    if record.state == 'pending' then
      enter(record, 'expired', '')
    else
      enter(record, 'cancelled', 'grant-unused')
    end
    change(record, 'lapse', '')
    ended[#ended + 1] = key
  else
    local call = filing(record).call
    if call then redis.call('ZREM', base .. ':calls', call) end
    forget_usage(record)
    forget(key)
  end
end

redis.call('ZREMRANGEBYSCORE', base .. ':replicas', '-inf', now - DAY)
return { #due, left_alone, ended }
