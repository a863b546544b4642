-- A part of the queue in the order of parking, of one moment: a record that ends meanwhile is seen once.
--
-- ARGV[2] 'oldest' or 'newest' first  [3] from this time on (ms, or an infinity)
--     [4] of that time only what comes behind this key  [5] at most so many records  [6...] out of 'open', 'ended'
-- Returns  for each its key, its time, and 'stands' and the record
local oldest_first, from, bound, count = ARGV[2] == 'oldest', ARGV[3], ARGV[4], tonumber(ARGV[5])
local command = oldest_first and 'ZRANGEBYSCORE' or 'ZREVRANGEBYSCORE'
local to = oldest_first and '+inf' or '-inf'

-- Keys are hexadecimal digits: '<' on text, which follows the server's locale, orders those alike everywhere.
local function before(a, b)
  if a.score ~= b.score then return a.score < b.score end
  return a.key < b.key
end

local function behind(entry)
  if entry.score ~= tonumber(from) then return true end
  if oldest_first then return entry.key > bound end
  return entry.key < bound
end

-- The first `count` entries behind the cursor; `found` grows by them.
local function gather(found, index)
  local offset, wanted = 0, #found + count
  repeat
    local flat = redis.call(command, base .. ':' .. index, from, to, 'WITHSCORES', 'LIMIT', offset, count)
    for i = 1, #flat, 2 do
      local entry = { key = flat[i], score = tonumber(flat[i + 1]) }
      if #found < wanted and behind(entry) then found[#found + 1] = entry end
    end
    offset = offset + count
  until #found >= wanted or #flat < 2 * count
end

local found = {}
for i = 6, #ARGV do gather(found, ARGV[i]) end
table.sort(found, function(a, b)
  if oldest_first then return before(a, b) end
  return before(b, a)
end)

local page = {}
for i = 1, math.min(count, #found) do
  local key, score = found[i].key, found[i].score
  local record = read(key)
  page[i] = { key, score, record and answer('stands', record) }
end
return page
