-- Writes a held call down, or takes up the record of the identical call whose holder is gone.
--
-- ARGV[2] key  [3] attempt  [4] replica  [5] fingerprint  [6] lease in ms  [7] approvals needed
--     [8] grant in ms, or 'off'  [9] open for so many ms  [10] what was asked
--     [11] session and request of the attempt, or ''  [12] cool-down in ms
--     [13] the caller  [14] at most so many open ones of the caller  [15] ... and in the queue
--     [16] who uses which tool  [17] when this attempt asked first, by this clock; '' where this is the first time
-- Returns  'stands', the record as it stands: this attempt was here before
--          'taken up', the record, perhaps released by it
--          'new', the record without what was asked, which the sender has
--          'full caller' or 'full queue', and no record
--          'ask again' and no record; the key is when this attempt asked first
--
-- An attempt that took a record up leaves a note: were its reply lost and the record decided meanwhile, the attempt
-- sent again would not find it among the open ones and would ask a second time.
local NOTE = '60000'
local key, attempt, replica, fingerprint = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local origin, cooldown, caller = ARGV[11], tonumber(ARGV[12]), ARGV[13]
local lease, note = tonumber(ARGV[6]), base .. ':attempt:' .. attempt
local replicas = base .. ':replicas'

redis.call('ZADD', replicas, digits(now + lease), replica)

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

local function filed_under(holder, at_most)
  local from = string.sub(fingerprint, 1, 16) .. ':' .. holder .. ':'
  return redis.call('ZRANGEBYLEX', base .. ':calls', '[' .. from, '(' .. from .. '~', 'LIMIT', '0', at_most or '-1')
end

local function free_record()
  local found
  local holders = redis.call('ZRANGEBYSCORE', replicas, '-inf', now_text)
  holders[#holders + 1] = '-'
  for _, holder in ipairs(holders) do
    for _, entry in ipairs(filed_under(holder)) do
      local record = read(string.sub(entry, -32))
      if record and may_be_taken_up(record) and better(record, found) then found = record end
    end
  end
  return found
end

-- The latest rejection of the identical call, while it stands. Others leave the index.
local function rejected_before()
  local found
  for _, entry in ipairs(filed_under('!')) do
    local record = read(string.sub(entry, -32))
    if record and record.v == VERSION and record.fp == fingerprint and now < record.at + cooldown then
      found = record
    elseif not record or record.fp == fingerprint then
      redis.call('ZREM', base .. ':calls', entry)
    end
  end
  return found
end

local record = read(redis.call('GET', note) or key)
if record and not may_be_taken_up(record) then return answer('stands', record) end
-- Of most calls there is no identical one, and nothing more to ask.
local call = string.sub(fingerprint, 1, 16)
local alone = #redis.call('ZRANGEBYLEX', base .. ':calls', '[' .. call .. ':', '(' .. call .. ';', 'LIMIT', '0', '1') == 0
local rejected = not record and not alone and rejected_before()
if rejected then return answer('stands', rejected) end
if not alone then record = record or free_record() end

if record then
  set(record, 'attempt', attempt)
  set(record, 'replica', replica)
  set(record, 'origin', origin)
  set(record, 'left', '')
  set(record, 'epoch', digits(record.epoch + 1))
  redis.call('SET', note, record.key, 'PX', NOTE)
  change(record, record.state == 'approved' and release_or_reconfirm(record, 'take-up') or 'take-up', attempt)
  return answer('taken up', record)
end

-- Another replica holds the identical call. If it lives, these are two calls, with a record each; if it has just
-- died, this is its call come again. Its next sign of life tells, or the end of its lease.
local asked_first = tonumber(ARGV[17]) or now
for _, other in ipairs(alone and {} or redis.call('ZRANGEBYSCORE', replicas, '(' .. now_text, asked_first + lease)) do
  if other ~= replica and #filed_under(other, '1') > 0 then
    return { 'ask again', digits(asked_first), '', {}, false }
  end
end

local open_of_caller = tonumber(redis.call('HGET', base .. ':callers', caller) or 0)
if open_of_caller >= tonumber(ARGV[14]) then return { 'full caller', key, '', {}, false } end
if redis.call('ZCARD', base .. ':open') >= tonumber(ARGV[15]) then return { 'full queue', key, '', {}, false } end

record = {
  key = key, filed = {}, v = VERSION, fp = fingerprint, need = ARGV[7], late = ARGV[8], created = now_text,
  deadline = digits(now + ARGV[9]), seq = '0', epoch = '1', attempt = attempt, replica = replica, left = '',
  under = '', void = '0', origin = origin, caller = caller, acts = '', born = here(), usage = ARGV[16],
}
enter(record, 'pending', '')
redis.call('SET', base .. ':held:' .. key, ARGV[10])
redis.call('HINCRBY', usage(record), 'calls', '1')
change(record, 'park', attempt)
return { 'new', key, record.text .. ',' .. here(), {}, false }
