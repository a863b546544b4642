-- Counts a vote.
--
-- ARGV[2] key  [3] decision  [4] reviewer  [5] 'approve' or 'reject'
--     [6] the fingerprint that the reviewer saw, or ''  [7] the rest of the vote, opaque
--     [8] how many ms there are to claim an approval where no grant outlives the attempt
--     [9] the life of Redis that the reviewer saw, or ''
-- Returns  nil, or the record and 'counted' (now or before), 'void', 'not open', 'mismatch' or 'voted'
local record = read(ARGV[2])
if not record or record.v ~= VERSION then return record and answer('stands', record) end

local decision, reviewer, verdict, seen, seen_in = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[9]
local votes = redis.call('LRANGE', base .. ':votes:' .. record.key, 0, -1)
local voted, missing = false, tonumber(record.need)
-- Votes of before a failover may have been counted by the old primary too, and have released the call there.
local void = record.void
if record.under ~= '' and record.under ~= here then void = #votes / VOTE end
for i = 1, #votes, VOTE do
  if votes[i] == decision then return answer(i > record.void * VOTE and 'counted' or 'void', record) end
  if i > void * VOTE then
    if votes[i + 1] == reviewer then voted = true end
    if votes[i + 2] == 'approve' then missing = missing - 1 end
  end
end
if record.state ~= 'pending' or overdue(record) then return answer('not open', record) end
if seen ~= '' and seen ~= record.fp then return answer('mismatch', record) end
-- One that another life saw may have been counted there, and have released the call.
if seen_in ~= '' and seen_in ~= here then return answer('void', record) end
if voted then return answer('voted', record) end

redis.call('RPUSH', base .. ':votes:' .. record.key, decision, reviewer, verdict, now, ARGV[7])
if verdict == 'reject' then
  enter(record, 'rejected', '')
elseif missing <= 1 then
  enter(record, 'approved', now + (record.late == 'off' and ARGV[8] or record.late))
end
set(record, 'void', void)
set(record, 'under', here)
change(record, verdict, reviewer, ARGV[7])
return answer('counted', record)
