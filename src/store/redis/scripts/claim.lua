-- Releases an approved call to the attempt that waits for it.
--
-- ARGV[2] key  [3] attempt  [4] fingerprint
-- Returns  nil, or 'stands' and the record, released or not, or open again
--          'no lease' and the record: others may have taken this replica for dead, and its calls with it
local record = read(ARGV[2])
local attempt = ARGV[3]
if record and record.v == VERSION and record.state == 'approved' and not overdue(record)
  and record.attempt == attempt and record.fp == ARGV[4] then
  if has_no_lease(record.replica) then return answer('no lease', record) end
  change(record, release_or_reconfirm(record, 'claim'), attempt)
end
return record and answer('stands', record)
