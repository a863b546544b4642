-- The record as it stands: one script, because its three keys have to be of one moment.
--
-- ARGV[2] key
-- Returns  nil, or 'stands' and the record
local record = read(ARGV[2])
return record and answer('stands', record)
