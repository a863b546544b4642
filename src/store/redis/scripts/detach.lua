-- Notes that an attempt no longer waits.
--
-- ARGV[2] key  [3] attempt  [4] why: 'caller-gone', 'hold-over' or 'draining'
-- Returns  nil, or 'stands' and the record
local record = read(ARGV[2])
local attempt, why = ARGV[3], ARGV[4]
if record and record.v == VERSION and is_open(record) and record.attempt == attempt then
  if record.late == 'off' then
    if why == 'hold-over' and record.state == 'pending' then
      enter(record, 'expired', '')
    else
      enter(record, 'cancelled', 'caller-left')
    end
  end
  set(record, 'attempt', '')
  set(record, 'replica', '')
  set(record, 'left', now)
  set(record, 'epoch', record.epoch + 1)
  change(record, why, attempt)
end
return record and answer('stands', record)
