-- What every script begins with: the time, and the one way to read, change and answer a record.
--
-- KEYS[1]  what all keys of the queue begin with (see keys.rs); it also names the slot
-- ARGV[1]  what is the same for every script of a replica: for how many ms an ended record is kept, the replica, the
--          digest of its policy, and 'whole' where an answer is to have what was asked
--
-- A record is one text: its fields in the order of `read`, none of them with a comma, '' for none. Numbers stay text
-- until something is computed, because Redis takes its time to write a number of Lua. What was asked and the votes are
-- opaque: they are moved, never read.
local base = KEYS[1]
local retention, replica_here, policy, extent = string.match(ARGV[1], '^(%d+) (%S*) (%S*) (%S*)$')
local VERSION, FIELDS = '1', 21
-- A vote is so many elements of the list: decision, reviewer, verdict, time, the rest.
local VOTE = 5

local function digits(number)
  return string.format('%d', number)
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now_text = digits(now)

-- Which life of Redis this is: another one after each restart and each promotion. (A process that is demoted and
-- promoted again keeps its run_id, although it lost what it had not passed on.)
local known_here
local function here()
  known_here = known_here or string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  return known_here
end

local function is_open(record)
  return record.state == 'pending' or record.state == 'approved'
end

-- When the sweep has to come.
local function due(record)
  if record.state == 'pending' then return record.deadline end
  if record.state == 'approved' then return record.with end
  return digits(record.at + retention)
end

-- How the record is to be found: among the open or the ended ones, by when it is due, by its call if another attempt may
-- take it up or is refused because of it, and by the request that an agent may withdraw. Of a call, first by the
-- replica that waits for it ('-' for none, '!' where it was rejected): so a park asks for those of dead replicas, and
-- need not read the thousands that live ones hold.
local function filing(record)
  local function by_call(waits_on) return string.sub(record.fp, 1, 16) .. ':' .. waits_on .. ':' .. record.key end
  if not is_open(record) then
    return { index = ':ended', due = due(record), call = record.state == 'rejected' and by_call('!') }
  end
  return {
    index = ':open', due = due(record),
    call = record.late ~= 'off' and by_call(record.replica ~= '' and record.replica or '-'),
    request = record.origin ~= '' and record.origin .. ':' .. record.key,
  }
end

-- Whether a replica has shown no sign of life for too long.
local function has_no_lease(replica)
  local lease_ends = redis.call('ZSCORE', base .. ':replicas', replica)
  return not lease_ends or tonumber(lease_ends) <= now
end

local function overdue(record)
  return is_open(record) and now >= tonumber(due(record))
end

-- The record by the names of its fields; nil where there is none. What comes `with` a state: until when it is approved,
-- the attempt that was released, why it was cancelled.
local function read(key)
  local text = redis.call('GET', base .. ':record:' .. key)
  if not text then return nil end
  if string.match(text, '^[^,]*') ~= VERSION then return { key = key, text = text } end
  local v, fp, need, late, created, deadline, state, at, with, seq, epoch, attempt, replica, left, under, void, origin,
    caller, acts, born, usage = string.match(text .. ',', string.rep('([^,]*),', FIELDS))
  return {
    key = key, text = text, v = v, fp = fp, need = need, late = late, created = created, deadline = deadline,
    state = state, at = at, with = with, seq = seq, epoch = epoch, attempt = attempt, replica = replica, left = left,
    under = under, void = void, origin = origin, caller = caller, acts = acts, born = born, usage = usage,
  }
end

local function write_record(record)
  record.text = table.concat({
    record.v, record.fp, record.need, record.late, record.created, record.deadline, record.state, record.at,
    record.with, record.seq, record.epoch, record.attempt, record.replica, record.left, record.under, record.void,
    record.origin, record.caller, record.acts, record.born, record.usage,
  }, ',')
  redis.call('SET', base .. ':record:' .. record.key, record.text)
end

-- The first change of a record keeps how it is filed until then.
local function set(record, name, value)
  record.filed = record.filed or filing(record)
  record[name] = value
end

-- Where is kept how often this caller used this tool and what people said of it last, and under which names: of any
-- such call, and of the identical one.
local function usage(record)
  local call = string.sub(record.fp, 1, 16)
  return base .. ':usage:' .. record.usage, { approved = '+' .. call, rejected = '-' .. call }
end

local function enter(record, state, with)
  local used, identical = usage(record)
  if state == 'approved' then
    redis.call('HSET', used, identical.approved, record.key, 'approved', record.key)
  elseif state == 'rejected' then
    redis.call('HSET', used, identical.rejected, record.key)
  end
  set(record, 'state', state)
  set(record, 'at', now_text)
  set(record, 'with', with)
end

-- The votes; a record that nobody has voted on has none to look for.
local function votes(record)
  if not record.votes then
    local none = record.under == '' and record.void == '0'
    record.votes = none and {} or redis.call('LRANGE', base .. ':votes:' .. record.key, 0, -1)
  end
  return record.votes
end

-- Keeps the indexes true to a record that changed.
local function file(record)
  local before, after = record.filed, filing(record)
  record.filed = nil
  if before.index ~= after.index then
    if before.index then redis.call('ZREM', base .. before.index, record.key) end
    redis.call('ZADD', base .. after.index, record.created, record.key)
    local open = redis.call('HINCRBY', base .. ':callers', record.caller, is_open(record) and '1' or '-1')
    if open == 0 then redis.call('HDEL', base .. ':callers', record.caller) end
  end
  if before.due ~= after.due then redis.call('ZADD', base .. ':due', after.due, record.key) end
  local function refile(index, from, to)
    if from == to then return end
    if from then redis.call('ZREM', base .. index, from) end
    if to then redis.call('ZADD', base .. index, '0', to) end
  end
  refile(':calls', before.call, after.call)
  refile(':requests', before.request, after.request)
end

-- Writes an entry of the audit.
local function write(...)
  redis.call('XADD', base .. ':audit', '*', 'replica', replica_here, 'policy', policy, ...)
end

-- Writes a change with its audit entry, then rings. A ring is a hint: that it is not permitted must not stop a
-- change that is half written. What a person did comes with a detail: text, never read here.
local function change(record, event, who, detail)
  set(record, 'seq', digits(record.seq + 1))
  write_record(record)
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
  set(record, 'left', now_text)
  set(record, 'epoch', digits(record.epoch + 1))
  change(record, why, attempt)
end

-- Releases an approved record to the attempt that holds it. One that was approved under another incarnation is asked
-- for again: the old primary may live on, unseen, and have released it. Its votes are void, and reviewers have at
-- least as long as the grant was good for. Returns what happened.
local function release_or_reconfirm(record, released)
  if record.under == here() then
    enter(record, 'released', record.attempt)
    return released
  end
  if tonumber(record.with) > tonumber(record.deadline) then set(record, 'deadline', record.with) end
  set(record, 'void', digits(#votes(record) / VOTE))
  set(record, 'under', '')
  enter(record, 'pending', '')
  return 'reconfirm'
end

-- A reply: a word, the key, the fields and which life of Redis replies, the votes, and what was asked.
local function answer(word, record)
  local held = extent == 'whole' and redis.call('GET', base .. ':held:' .. record.key)
  return { word, record.key, record.text .. ',' .. here(), votes(record), held }
end
