-- Detaches what the caller has withdrawn.
--
-- ARGV[2] session  [3] request, or '' for all of the session
-- Returns  OK
local from = ARGV[2] .. ':' .. (ARGV[3] ~= '' and ARGV[3] .. ':' or '')
for _, entry in ipairs(redis.call('ZRANGEBYLEX', base .. ':requests', '[' .. from, '(' .. from .. '~')) do
  local record = read(string.sub(entry, -32))
  if record and record.v == VERSION and record.attempt ~= '' and is_open(record) then
    leave(record, 'caller-gone')
  end
end
return redis.status_reply('OK')
