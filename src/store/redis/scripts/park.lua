-- Writes a held call down, or takes up the record of the identical call whose holder is gone.
--
-- ARGV[2] key  [3] attempt  [4] replica  [5] fingerprint  [6] lease in ms  [7] approvals needed
--     [8] grant in ms, or 'off'  [9] open for so many ms  [10] what was asked
-- Returns  'stands', the record as it stands: this attempt was here before
--          'taken up', the record, perhaps released by it
--          'new', the record without what was asked, which the sender has
--
-- An attempt that took a record up leaves a note: were its reply lost and the record decided meanwhile, the attempt
-- sent again would not find it among the open ones and would ask a second time.
local NOTE = 60000
local key, attempt, replica, fingerprint = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lease, note = tonumber(ARGV[6]), base .. ':attempt:' .. attempt
local replicas = base .. ':replicas'

redis.call('ZADD', replicas, now + lease, replica)

local function has_no_holder(record)
  if record.attempt == '' then return true end
  local lease_ends = redis.call('ZSCORE', replicas, record.replica)
  return not lease_ends or tonumber(lease_ends) <= now
end

local function may_be_taken_up(record)
  return record.v == VERSION and record.fp == fingerprint and record.late ~= 'off'
    and is_open(record) and not overdue(record) and has_no_holder(record)
end

-- An approved record rather than a pending one, else the oldest (keys rise with time).
local function better(record, than)
  if not than then return true end
  if record.state ~= than.state then return record.state == 'approved' end
  return record.key < than.key
end

local function free_record()
  local found
  local holders = redis.call('ZRANGEBYSCORE', replicas, '-inf', now)
  holders[#holders + 1] = '-'
  for _, holder in ipairs(holders) do
    local from = string.sub(fingerprint, 1, 16) .. ':' .. holder .. ':'
    for _, entry in ipairs(redis.call('ZRANGEBYLEX', calls, '[' .. from, '(' .. from .. '~')) do
      local record = read(string.sub(entry, -32))
      if record and may_be_taken_up(record) and better(record, found) then found = record end
    end
  end
  return found
end

local record = read(redis.call('GET', note) or key)
if record and not may_be_taken_up(record) then return answer('stands', record) end
record = record or free_record()

if record then
  if record.state == 'approved' then
    enter(record, 'released')
    record.by = attempt
  end
  record.attempt, record.replica, record.left = attempt, replica, ''
  record.epoch = record.epoch + 1
  redis.call('SET', note, record.key, 'PX', NOTE)
  change(record, 'take-up', attempt)
  return answer('taken up', record)
end

record = {
  key = key, v = VERSION, fp = fingerprint, need = ARGV[7], late = ARGV[8],
  created = now, deadline = now + ARGV[9],
  attempt = attempt, replica = replica, left = '', seq = 0, epoch = 1,
}
enter(record, 'pending')
redis.call('HSET', base .. ':record:' .. key, 'v', VERSION, 'fp', record.fp, 'need', record.need,
  'late', record.late, 'created', record.created, 'deadline', record.deadline)
redis.call('SET', base .. ':held:' .. key, ARGV[10])
change(record, 'park', attempt)
return answer('new', record)
