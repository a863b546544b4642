-- Does what a person does beside voting.
--
-- ARGV[2] key  [3] which act this is  [4] who  [5] 'cancel', 'revoke' or 'extend'
--     [6] by how many ms it is extended  [7] for how many ms it may be open in all
--     [8] the rest of the act, opaque  [9] the life of Redis that they saw, or ''  [10] how often it may be extended
--     [11] what of it the audit tells, as JSON
-- Returns  nil, or the record and 'done' (now or before), 'wrong state', 'void' or 'too long'
local record = read(ARGV[2])
if not record or record.v ~= VERSION then return record and answer('stands', record) end

local act, who, verb = ARGV[3], ARGV[4], ARGV[5]
-- Each act ends with a ';'.
local acts = record.acts
if string.find(';' .. acts, ';' .. act .. ':', 1, true) then return answer('done', record) end
local takes = verb == 'revoke' and 'approved' or 'pending'
if record.state ~= takes or overdue(record) then return answer('wrong state', record) end
if ARGV[9] ~= '' and ARGV[9] ~= here() then return answer('void', record) end

if verb == 'extend' then
  local deadline = record.deadline + ARGV[6]
  local _, before = string.gsub(acts, ';', '')
  if deadline > record.created + ARGV[7] or before >= tonumber(ARGV[10]) then return answer('too long', record) end
  set(record, 'deadline', digits(deadline))
else
  enter(record, 'cancelled', verb == 'revoke' and 'revoked' or 'by-hand')
end
set(record, 'acts', acts .. act .. ':' .. now_text .. ':' .. ARGV[8] .. ';')
change(record, verb, who, ARGV[11])
return answer('done', record)
