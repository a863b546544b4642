-- Renews a replica's sign of life, by the clock that it is judged by.
--
-- ARGV[2] replica  [3] lease in ms
redis.call('ZADD', base .. ':replicas', now + ARGV[3], ARGV[2])
return redis.status_reply('OK')
