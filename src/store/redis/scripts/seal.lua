-- Appends lines to a chain, if it still ends where the sender read on.
--
-- ARGV[2] number, [3] hash and [4] last signed number of the end that the sender knows
--     [5...9] number, hash, source, signed, signed_at of the new end  [10...] the id and the text of each line
-- Returns  1, or 0 where the chain ends elsewhere: another replica was first
local chain = base .. ':chain'
local ends = redis.call('HMGET', chain, 'number', 'hash', 'signed')
if ends[1] and not (ends[1] == ARGV[2] and ends[2] == ARGV[3] and ends[3] == ARGV[4]) then return 0 end
if not ends[1] and ARGV[2] ~= '0' then return 0 end

for i = 10, #ARGV, 2 do redis.call('XADD', base .. ':lines', ARGV[i], 'line', ARGV[i + 1]) end
redis.call('HSET', chain, 'number', ARGV[5], 'hash', ARGV[6], 'source', ARGV[7], 'signed', ARGV[8], 'signed_at', ARGV[9])
return 1
