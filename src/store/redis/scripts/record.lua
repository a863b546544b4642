-- What every script begins with: the time, and the one way to read, change and answer a record.
--
-- KEYS[1]  what all keys of the queue begin with (see keys.rs); it also names the slot
-- ARGV[1]  for how many ms an ended record is kept
--
-- Fields are text, and '' is none. What was asked and the votes are opaque: they are moved, never read.
local base, retention = KEYS[1], tonumber(ARGV[1])
local VERSION = '1'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local calls = base .. ':calls'

local function is_open(record)
  return record.state == 'pending' or record.state == 'approved'
end

-- Where the fingerprint index finds a record that another attempt may take up: by call, then by the replica that
-- waits for it. So a park asks for those of dead replicas and need not read the thousands that live ones hold.
local function index_entry(record)
  if record.late == 'off' or not is_open(record) then return nil end
  local waits_on = record.replica ~= '' and record.replica or '-'
  return string.sub(record.fp, 1, 16) .. ':' .. waits_on .. ':' .. record.key
end

-- By key, the index entry that a record has as long as it is not changed.
local indexed = {}

-- The record's fields by name; nil where there is none.
local function read(key)
  local flat = redis.call('HGETALL', base .. ':record:' .. key)
  if #flat == 0 then return nil end
  local record = { key = key }
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  if record.v == VERSION then indexed[key] = index_entry(record) end
  return record
end

-- Enters a state; what came with the one before is gone.
local function enter(record, state)
  record.state, record.at = state, now
  record['until'], record.why, record.by = '', '', ''
end

local function overdue(record)
  return (record.state == 'pending' and now >= tonumber(record.deadline))
    or (record.state == 'approved' and now >= tonumber(record['until']))
end

-- Files the record where its state belongs: with the open or the ended ones, and by when the sweep has to come.
local function file(record)
  local key, due = record.key, record.deadline
  if is_open(record) then
    if record.state == 'approved' then due = record['until'] end
    redis.call('ZADD', base .. ':open', record.created, key)
  else
    due = record.at + retention
    redis.call('ZREM', base .. ':open', key)
    redis.call('ZADD', base .. ':ended', record.created, key)
  end
  redis.call('ZADD', base .. ':due', due, key)
  local before, after = indexed[key], index_entry(record)
  if before and before ~= after then redis.call('ZREM', calls, before) end
  if after and before ~= after then redis.call('ZADD', calls, 0, after) end
end

-- Writes a change with its audit entry, then rings. A ring is a hint: that it is not permitted must not stop a
-- change that is half written.
local function change(record, event, who)
  record.seq = record.seq + 1
  redis.call('HSET', base .. ':record:' .. record.key,
    'state', record.state, 'at', record.at, 'until', record['until'], 'why', record.why, 'by', record.by,
    'seq', record.seq, 'epoch', record.epoch,
    'attempt', record.attempt, 'replica', record.replica, 'left', record.left)
  file(record)
  redis.call('XADD', base .. ':audit', '*',
    'event', event, 'key', record.key, 'seq', record.seq, 'who', who, 'state', record.state)
  local message = record.key .. ' ' .. record.seq .. ' ' .. event
  redis.pcall('PUBLISH', base .. ':ring:' .. record.key, message)
  redis.pcall('PUBLISH', base .. ':changes', message)
end

-- A reply: a word, the fields, the votes, and what was asked.
local function answer(word, record)
  local fields = {}
  for name, value in pairs(record) do
    fields[#fields + 1] = name
    fields[#fields + 1] = tostring(value)
  end
  local votes = redis.call('LRANGE', base .. ':votes:' .. record.key, 0, -1)
  return { word, fields, votes, redis.call('GET', base .. ':held:' .. record.key) }
end
