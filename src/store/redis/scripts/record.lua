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

local function is_open(record)
  return record.state == 'pending' or record.state == 'approved'
end

-- Where the fingerprint index finds a record: by call, then by the replica that waits for it ('-' for none, '!' for a
-- rejected one). So a park asks for those of dead replicas and need not read the thousands that live ones hold.
local function index_entry(record)
  local waits_on = record.replica ~= '' and record.replica or '-'
  if record.state == 'rejected' then
    waits_on = '!'
  elseif record.late == 'off' or not is_open(record) then
    return nil
  end
  return string.sub(record.fp, 1, 16) .. ':' .. waits_on .. ':' .. record.key
end

-- Where a withdrawal finds the record: by session and request of the attempt that waits.
local function session_entry(record)
  if record.origin == '' or record.attempt == '' or not is_open(record) then return nil end
  return record.origin .. ':' .. record.key
end

-- By key, the index entries that a record has as long as it is not changed.
local indexed = {}

-- The record's fields by name; nil where there is none.
local function read(key)
  local flat = redis.call('HGETALL', base .. ':record:' .. key)
  if #flat == 0 then return nil end
  local record = { key = key }
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  if record.v == VERSION then
    indexed[key] = { calls = index_entry(record), sessions = session_entry(record) }
  end
  return record
end

-- Enters a state; what came with the one before is gone.
local function enter(record, state)
  record.state, record.at = state, now
  record['until'], record.why, record.by = '', '', ''
end

-- Which life of which Redis this is: another one after each restart and failover.
local function incarnation()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

-- A vote is so many elements of the list: decision, reviewer, verdict, time, the rest.
local VOTE = 5

-- Releases an approved record to the attempt that holds it. One that was approved under another incarnation is asked
-- for again: the old primary may live on, unseen, and have released it. Its votes are void, and reviewers have at
-- least as long as the grant was good for. Returns what happened.
local function release_or_reconfirm(record, released)
  if record.by == incarnation() then
    enter(record, 'released')
    record.by = record.attempt
    return released
  end
  if tonumber(record['until']) > tonumber(record.deadline) then record.deadline = record['until'] end
  record.void = redis.call('LLEN', base .. ':votes:' .. record.key) / VOTE
  enter(record, 'pending')
  return 'reconfirm'
end

-- Whether a replica has shown no sign of life for too long.
local function has_no_lease(replica)
  local lease_ends = redis.call('ZSCORE', base .. ':replicas', replica)
  return not lease_ends or tonumber(lease_ends) <= now
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
    redis.call('ZADD', base .. ':caller:' .. record.caller, due, key)
  else
    redis.call('ZREM', base .. ':caller:' .. record.caller, key)
    due = record.at + retention
    redis.call('ZREM', base .. ':open', key)
    redis.call('ZADD', base .. ':ended', record.created, key)
  end
  redis.call('ZADD', base .. ':due', due, key)
  local before = indexed[key] or {}
  local after = { calls = index_entry(record), sessions = session_entry(record) }
  for _, index in ipairs({ 'calls', 'sessions' }) do
    local old, new = before[index], after[index]
    if old and old ~= new then redis.call('ZREM', base .. ':' .. index, old) end
    if new and old ~= new then redis.call('ZADD', base .. ':' .. index, 0, new) end
  end
end

-- Writes a change with its audit entry, then rings. A ring is a hint: that it is not permitted must not stop a
-- change that is half written.
local function change(record, event, who)
  record.seq = record.seq + 1
  redis.call('HSET', base .. ':record:' .. record.key,
    'state', record.state, 'at', record.at, 'until', record['until'], 'why', record.why, 'by', record.by,
    'seq', record.seq, 'epoch', record.epoch,
    'attempt', record.attempt, 'replica', record.replica, 'origin', record.origin, 'left', record.left,
    'deadline', record.deadline, 'void', record.void)
  file(record)
  redis.call('XADD', base .. ':audit', '*',
    'event', event, 'key', record.key, 'seq', record.seq, 'who', who, 'state', record.state)
  local message = record.key .. ' ' .. record.seq .. ' ' .. event
  redis.pcall('PUBLISH', base .. ':ring:' .. record.key, message)
  redis.pcall('PUBLISH', base .. ':changes', message)
end

-- Notes that the attempt that waits no longer does.
local function leave(record, why)
  local attempt = record.attempt
  if record.late == 'off' then
    if why == 'hold-over' and record.state == 'pending' then
      enter(record, 'expired')
    else
      enter(record, 'cancelled')
      record.why = 'caller-left'
    end
  end
  record.attempt, record.replica, record.origin, record.left = '', '', '', now
  record.epoch = record.epoch + 1
  change(record, why, attempt)
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
