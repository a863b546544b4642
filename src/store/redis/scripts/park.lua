-- Writes a held call down, or takes up the record of the identical call whose holder is gone.
--
-- ARGV[2] key  [3] attempt  [4] replica  [5] fingerprint  [6] lease in ms  [7] approvals needed
--     [8] grant in ms, or 'off'  [9] open for so many ms  [10] what was asked
--     [11] session and request of the attempt, or ''  [12] cool-down in ms
--     [13] the caller's key  [14] at most so many open of the caller  [15] ... and in the queue
-- Returns  'stands', the record as it stands: this attempt was here before
--          'taken up', the record, perhaps released by it
--          'new', the record without what was asked, which the sender has
--          'full caller' or 'full queue' and nothing
--
-- An attempt that took a record up leaves a note: were its reply lost and the record decided meanwhile, the attempt
-- sent again would not find it among the open ones and would ask a second time.
local NOTE = 60000
local key, attempt, replica, fingerprint = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local origin, cooldown, caller = ARGV[11], tonumber(ARGV[12]), ARGV[13]
local lease, note = tonumber(ARGV[6]), base .. ':attempt:' .. attempt
local replicas = base .. ':replicas'

redis.call('ZADD', replicas, now + lease, replica)

local function has_no_holder(record)
  return record.attempt == '' or has_no_lease(record.replica)
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

local function indexed_under(holder)
  local from = string.sub(fingerprint, 1, 16) .. ':' .. holder .. ':'
  return redis.call('ZRANGEBYLEX', base .. ':calls', '[' .. from, '(' .. from .. '~')
end

local function free_record()
  local found
  local holders = redis.call('ZRANGEBYSCORE', replicas, '-inf', now)
  holders[#holders + 1] = '-'
  for _, holder in ipairs(holders) do
    for _, entry in ipairs(indexed_under(holder)) do
      local record = read(string.sub(entry, -32))
      if record and may_be_taken_up(record) and better(record, found) then found = record end
    end
  end
  return found
end

-- The latest rejection of the identical call, while it stands. Those that no longer do leave the index.
local function rejected_before()
  local found
  for _, entry in ipairs(indexed_under('!')) do
    local record = read(string.sub(entry, -32))
    local stands = record and record.v == VERSION and record.fp == fingerprint
    if stands and now < record.at + cooldown then
      found = record
    elseif not record or stands then
      redis.call('ZREM', base .. ':calls', entry)
    end
  end
  return found
end

local record = read(redis.call('GET', note) or key)
if record and not may_be_taken_up(record) then return answer('stands', record) end
local rejected = not record and rejected_before()
if rejected then return answer('stands', rejected) end
record = record or free_record()

if record then
  local event = 'take-up'
  record.attempt, record.replica, record.origin, record.left = attempt, replica, origin, ''
  record.epoch = record.epoch + 1
  if record.state == 'approved' then event = release_or_reconfirm(record, event) end
  redis.call('SET', note, record.key, 'PX', NOTE)
  change(record, event, attempt)
  return answer('taken up', record)
end

local open_of_caller = base .. ':caller:' .. caller
redis.call('ZREMRANGEBYSCORE', open_of_caller, '-inf', now - NOTE)
if redis.call('ZCARD', open_of_caller) >= tonumber(ARGV[14]) then return { 'full caller', {}, {}, false } end
if redis.call('ZCARD', base .. ':open') >= tonumber(ARGV[15]) then return { 'full queue', {}, {}, false } end

record = {
  key = key, v = VERSION, fp = fingerprint, need = ARGV[7], late = ARGV[8],
  created = now, deadline = now + ARGV[9],
  caller = caller, attempt = attempt, replica = replica, origin = origin, left = '', seq = 0, epoch = 1, void = 0,
}
enter(record, 'pending')
redis.call('HSET', base .. ':record:' .. key, 'v', VERSION, 'fp', record.fp, 'need', record.need,
  'late', record.late, 'created', record.created, 'caller', caller)
redis.call('SET', base .. ':held:' .. key, ARGV[10])
change(record, 'park', attempt)
return answer('new', record)
