-- Notes that an attempt no longer waits.
--
-- ARGV[2] key  [3] attempt  [4] why: 'caller-gone', 'hold-over' or 'draining'
-- Returns  nil, or 'stands' and the record
--
-- An attempt that left before park had answered does not know which record it took up: its note does.
local attempt, why = ARGV[3], ARGV[4]
local record = read(ARGV[2])
if not record then
  local noted = redis.call('GET', base .. ':attempt:' .. attempt)
  record = noted and read(noted)
end
if record and record.v == VERSION and is_open(record) and record.attempt == attempt then
  leave(record, why)
end
return record and answer('stands', record)
