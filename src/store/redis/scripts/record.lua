-- What every script begins with: the time, and the one way to read, change and answer a record.
--
-- KEYS[1]  what all keys of the queue begin with (see keys.rs); it also names the slot
-- ARGV[1]  for how many ms an ended record is kept
--
-- Fields are text or numbers, and '' is none. What was asked and the votes are opaque: they are moved, never read.
local base, retention = KEYS[1], tonumber(ARGV[1])
local VERSION = '1'
-- The fields in the order of a reply (see record.rs). What comes `with` a state: until when it is approved, the
-- attempt that was released, why it was cancelled.
local FIELDS = { 'v', 'fp', 'need', 'late', 'created', 'deadline', 'state', 'at', 'with', 'seq', 'epoch',
  'attempt', 'replica', 'left' }
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function is_open(record)
  return record.state == 'pending' or record.state == 'approved'
end

-- How the record is to be found: among the open or the ended ones, by when the sweep has to come, and by its call
-- if another attempt may take it up. Of a call, first by the replica that waits for it: so a park asks for those of
-- dead replicas, and need not read the thousands that live ones hold.
local function filing(record)
  if not is_open(record) then return { index = ':ended', due = record.at + retention } end
  local filed = { index = ':open', due = tonumber(record.state == 'approved' and record.with or record.deadline) }
  if record.late ~= 'off' then
    local waits_on = record.replica ~= '' and record.replica or '-'
    filed.call = string.sub(record.fp, 1, 16) .. ':' .. waits_on .. ':' .. record.key
  end
  return filed
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

local function enter(record, state, with)
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
  end
  if before.due ~= after.due then redis.call('ZADD', base .. ':due', after.due, record.key) end
  if before.call ~= after.call then
    if before.call then redis.call('ZREM', base .. ':calls', before.call) end
    if after.call then redis.call('ZADD', base .. ':calls', 0, after.call) end
  end
end

-- Writes a change with its audit entry, then rings. A ring is a hint: that it is not permitted must not stop a
-- change that is half written.
local function change(record, event, who)
  set(record, 'seq', record.seq + 1)
  redis.call('HSET', base .. ':record:' .. record.key, unpack(record.changes))
  file(record)
  redis.call('XADD', base .. ':audit', '*',
    'event', event, 'key', record.key, 'seq', record.seq, 'who', who, 'state', record.state)
  local message = record.key .. ' ' .. record.seq .. ' ' .. event
  redis.pcall('PUBLISH', base .. ':ring:' .. record.key, message)
  redis.pcall('PUBLISH', base .. ':changes', message)
end

-- A reply: a word, the key, the fields, the votes, and what was asked. The fields are one text, none of them has a
-- comma: a reply of few parts is a good deal cheaper.
local function fields(record)
  local values = {}
  for i, name in ipairs(FIELDS) do values[i] = record[name] or '' end
  return table.concat(values, ',')
end

local function answer(word, record)
  local votes = redis.call('LRANGE', base .. ':votes:' .. record.key, 0, -1)
  return { word, record.key, fields(record), votes, redis.call('GET', base .. ':held:' .. record.key) }
end
