-- What was asked and decided before that a reviewer of this record should know of.
--
-- ARGV[2] key
-- Returns  nil, or how many calls of this tool by this caller are on record, and three times a record or nil: the
--          identical call that was approved last, the one that was rejected last, and where the first is nil, what was
--          approved last of all such calls
local record = read(ARGV[2])
if not record then return nil end
if record.v ~= VERSION then return { 0, false, false, false } end
local used, identical = usage(record)

-- What this key names, unless it was opened again or taken back since; by all digits of the fingerprint where `same` is
-- wanted.
local function decided(key, same)
  local other = key and key ~= record.key and read(key)
  if not other or other.v ~= VERSION or other.state == 'pending' then return false end
  if other.state == 'cancelled' and other.with ~= 'grant-unused' then return false end
  if same and other.fp ~= record.fp then return false end
  return answer('stands', other)
end

local known = redis.call('HMGET', used, 'calls', identical.approved, identical.rejected, 'approved')
local approved = decided(known[2], true)
return { tonumber(known[1] or 0), approved, decided(known[3], true), not approved and decided(known[4]) }
