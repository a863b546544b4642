-- Forgets what the chain no longer needs to hold, and the raw entries that are in the chain and were kept long enough.
--
-- ARGV[2] lines before the one of this id go
-- Returns  OK
redis.call('XTRIM', base .. ':lines', 'MINID', ARGV[2])
local sealed = redis.call('HGET', base .. ':chain', 'source')
if sealed then
  local up_to = math.min(now - retention, tonumber(string.match(sealed, '^%d+')))
  redis.call('XTRIM', base .. ':audit', 'MINID', '~', string.format('%.0f', up_to))
end
return redis.status_reply('OK')
