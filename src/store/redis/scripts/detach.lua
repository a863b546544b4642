-- Notes that an attempt no longer waits.
--
-- ARGV[2] key  [3] attempt  [4] why: 'caller-gone', 'hold-over' or 'draining'
-- Returns  nil, or 'stands' and the record
local record = read(ARGV[2])
local attempt, why = ARGV[3], ARGV[4]
if record and record.v == VERSION and is_open(record) and record.attempt == attempt then
  leave(record, why)
end
return record and answer('stands', record)
