-- Counts a vote.
--
-- ARGV[2] key  [3] decision  [4] reviewer  [5] 'approve', 'reject' or 'break-glass'
--     [6] the fingerprint that the reviewer saw, or ''
--     [7] for which of the demands that `need` lists an approval counts, a digit each, then the rest of it, opaque
--     [8] how many ms there are to claim an approval where no grant outlives the attempt
--     [9] the life of Redis that the reviewer saw, or ''
-- Returns  nil, or the record and 'counted' (now or before), 'void', 'not open', 'mismatch' or 'voted'
local record = read(ARGV[2])
if not record or record.v ~= VERSION then return record and answer('stands', record) end

local decision, reviewer, verdict, seen, seen_in = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[9]
local votes = votes(record)
local voted, missing = false, {}
for people in string.gmatch(record.need, '%d+') do missing[#missing + 1] = tonumber(people) end

local function count(marks)
  for i = 1, #missing do
    if #missing == 1 or string.sub(marks, i, i) == '1' then missing[i] = missing[i] - 1 end
  end
end

local function is_enough()
  for i = 1, #missing do
    if missing[i] > 0 then return false end
  end
  return #missing > 0
end

-- Votes of before a failover may have been counted by the old primary too, and have released the call there.
local void = record.void
if record.under ~= '' and record.under ~= here() then void = #votes / VOTE end
for i = 1, #votes, VOTE do
  if votes[i] == decision then return answer(i > record.void * VOTE and 'counted' or 'void', record) end
  if i > void * VOTE then
    if votes[i + 1] == reviewer then voted = true end
    if votes[i + 2] == 'approve' then count(votes[i + 4]) end
  end
end
if record.state ~= 'pending' or overdue(record) then return answer('not open', record) end
if seen ~= '' and seen ~= record.fp then return answer('mismatch', record) end
-- One that another life saw may have been counted there, and have released the call.
if seen_in ~= '' and seen_in ~= here() then return answer('void', record) end
-- Whoever approved and waits for the others may be the one who breaks the glass.
if voted and verdict ~= 'break-glass' then return answer('voted', record) end

redis.call('RPUSH', base .. ':votes:' .. record.key, decision, reviewer, verdict, now_text, ARGV[7])
for _, part in ipairs({ decision, reviewer, verdict, now_text, ARGV[7] }) do votes[#votes + 1] = part end
if verdict == 'approve' then count(ARGV[7]) end
if verdict == 'reject' then
  enter(record, 'rejected', '')
elseif verdict == 'break-glass' or is_enough() then
  enter(record, 'approved', digits(now + (record.late == 'off' and ARGV[8] or record.late)))
end
set(record, 'void', digits(void))
set(record, 'under', here())
change(record, verdict, reviewer, string.match(ARGV[7], '{.*'))
return answer('counted', record)
