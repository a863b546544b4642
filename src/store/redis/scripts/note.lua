-- Writes down what changes no record.
--
-- ARGV[2] event  [3] key of the approval that it is about, or ''  [4] who, or ''  [5] detail, opaque
-- Returns  OK
write('note', ARGV[2], 'about', ARGV[3], 'who', ARGV[4], 'detail', ARGV[5])
return redis.status_reply('OK')
