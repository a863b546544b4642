-- What every script begins with: the time, and the one way to read, change and answer a record.
--
-- KEYS[1]  what all keys of the queue begin with (see keys.rs); it also names the slot
-- ARGV[1]  what is the same for every script of a replica: for how many ms an ended record is kept, the replica, and the
--          digest of its policy
--
-- Fields are text or numbers, and '' is none. What was asked and the votes are opaque: they are moved, never read.
local base = KEYS[1]
local retention, replica_here, policy = string.match(ARGV[1], '^(%d+) (%S*) (%S*)$')
retention = tonumber(retention)
local VERSION = '1'
-- The fields in the order of a reply (see record.rs). What comes `with` a state: until when it is approved, the
-- attempt that was released, why it was cancelled.
local FIELDS = { 'v', 'fp', 'need', 'late', 'created', 'deadline', 'state', 'at', 'with', 'seq', 'epoch',
  'attempt', 'replica', 'left', 'under', 'void', 'origin', 'caller', 'acts', 'born', 'usage' }
-- A vote is so many elements of the list: decision, reviewer, verdict, time, the rest.
local VOTE = 5
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Which life of Redis this is: another one after each restart and each promotion. (A process that is demoted and
-- promoted again keeps its run_id, although it lost what it had not passed on.)
local here = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')

local function is_open(record)
  return record.state == 'pending' or record.state == 'approved'
end

-- How the record is to be found: among the open or the ended ones, by when the sweep has to come, by its call if
-- another attempt may take it up or is refused because of it, and by the request that an agent may withdraw. Of a
-- call, first by the replica that waits for it ('-' for none, '!' where it was rejected): so a park asks for those of
-- dead replicas, and need not read the thousands that live ones hold.
local function filing(record)
  local function by_call(waits_on) return string.sub(record.fp, 1, 16) .. ':' .. waits_on .. ':' .. record.key end
  if not is_open(record) then
    local filed = { index = ':ended', due = record.at + retention }
    if record.state == 'rejected' then filed.call = by_call('!') end
    return filed
  end
  local filed = { index = ':open', due = tonumber(record.state == 'approved' and record.with or record.deadline) }
  if record.late ~= 'off' then filed.call = by_call(record.replica ~= '' and record.replica or '-') end
  if record.origin ~= '' then filed.request = record.origin .. ':' .. record.key end
  return filed
end

-- Whether a replica has shown no sign of life for too long.
local function has_no_lease(replica)
  local lease_ends = redis.call('ZSCORE', base .. ':replicas', replica)
  return not lease_ends or tonumber(lease_ends) <= now
end

local function overdue(record)
  return is_open(record) and now >= filing(record).due
end

-- The record by the names of its fields; nil where there is none.
local function read(key)
  local values = redis.call('HMGET', base .. ':record:' .. key, unpack(FIELDS))
  if not values[1] then return nil end
  local record = { key = key, changes = {} }
  for i, name in ipairs(FIELDS) do record[name] = values[i] end
  if record.v == VERSION then record.filed = filing(record) end
  return record
end

local function set(record, name, value)
  record[name] = value
  local changes = record.changes
  changes[#changes + 1] = name
  changes[#changes + 1] = value
end

-- Where is kept how often this caller used this tool and what people said of it last, and under which names: of any
-- such call, and of the identical one. Records of before there was this have none.
local function usage(record)
  if (record.usage or '') == '' then return nil end
  local call = string.sub(record.fp, 1, 16)
  return base .. ':usage:' .. record.usage, { approved = '+' .. call, rejected = '-' .. call }
end

local function enter(record, state, with)
  local used, identical = usage(record)
  if used and identical[state] then
    redis.call('HSET', used, identical[state], record.key)
    if state == 'approved' then redis.call('HSET', used, 'approved', record.key) end
  end
  set(record, 'state', state)
  set(record, 'at', now)
  set(record, 'with', with)
end

-- Keeps the indexes true to a record that changed.
local function file(record)
  local before, after = record.filed or {}, filing(record)
  if before.index ~= after.index then
    if before.index then redis.call('ZREM', base .. before.index, record.key) end
    redis.call('ZADD', base .. after.index, record.created, record.key)
    redis.call(is_open(record) and 'ZADD' or 'ZREM', base .. ':caller:' .. record.caller,
      unpack(is_open(record) and { after.due, record.key } or { record.key }))
  end
  if before.due ~= after.due then redis.call('ZADD', base .. ':due', after.due, record.key) end
  for by, index in pairs({ call = ':calls', request = ':requests' }) do
    if before[by] ~= after[by] then
      if before[by] then redis.call('ZREM', base .. index, before[by]) end
      if after[by] then redis.call('ZADD', base .. index, 0, after[by]) end
    end
  end
end

-- Writes an entry of the audit.
local function write(...)
  redis.call('XADD', base .. ':audit', '*', 'replica', replica_here, 'policy', policy, ...)
end

-- Writes a change with its audit entry, then rings. A ring is a hint: that it is not permitted must not stop a
-- change that is half written. What a person did comes with a detail: text, never read here.
local function change(record, event, who, detail)
  set(record, 'seq', record.seq + 1)
  redis.call('HSET', base .. ':record:' .. record.key, unpack(record.changes))
  file(record)
  write('event', event, 'key', record.key, 'seq', record.seq, 'who', who, 'state', record.state,
    'detail', detail or '')
  local message = record.key .. ' ' .. record.seq .. ' ' .. event
  redis.pcall('PUBLISH', base .. ':ring:' .. record.key, message)
  redis.pcall('PUBLISH', base .. ':changes', message)
end

-- Notes that the attempt that waits no longer does.
local function leave(record, why)
  local attempt = record.attempt
  if record.late == 'off' then
    if why == 'hold-over' and record.state == 'pending' then
      enter(record, 'expired', '')
    else
      enter(record, 'cancelled', 'caller-left')
    end
  end
  for _, name in ipairs({ 'attempt', 'replica', 'origin' }) do set(record, name, '') end
  set(record, 'left', now)
  set(record, 'epoch', record.epoch + 1)
  change(record, why, attempt)
end


-- Releases an approved record to the attempt that holds it. One that was approved under another incarnation is asked
-- for again: the old primary may live on, unseen, and have released it. Its votes are void, and reviewers have at
-- least as long as the grant was good for. Returns what happened.
local function release_or_reconfirm(record, released)
  if record.under == here then
    enter(record, 'released', record.attempt)
    return released
  end
  if tonumber(record.with) > tonumber(record.deadline) then set(record, 'deadline', record.with) end
  set(record, 'void', redis.call('LLEN', base .. ':votes:' .. record.key) / VOTE)
  set(record, 'under', '')
  enter(record, 'pending', '')
  return 'reconfirm'
end

-- A reply: a word, the key, the fields, the votes, and what was asked. The fields are one text, none of them has a
-- comma: a reply of few parts is a good deal cheaper. The last says which life of Redis replies.
local function fields(record)
  local values = {}
  for i, name in ipairs(FIELDS) do values[i] = record[name] or '' end
  values[#values + 1] = here
  return table.concat(values, ',')
end

local function answer(word, record)
  local votes = redis.call('LRANGE', base .. ':votes:' .. record.key, 0, -1)
  return { word, record.key, fields(record), votes, redis.call('GET', base .. ':held:' .. record.key) }
end
