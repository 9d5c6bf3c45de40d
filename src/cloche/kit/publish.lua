-- Publish groups of events, each of one subject and all or none of it, in one ledger.
-- KEYS: 1 ledger stream, 2 the ledger's flow, then for each group its event stream and its source hash (all with the same
--       hash tag)
-- ARGV: for each group: 1 subject, 2 producer, 3 attempt, 4 time to live (s), 5 "1" to write the ledger,
--       6 doorbell channel, 7 list doorbell channel or "", 8 most bytes in the ledger or "" for any,
--       9 "1" where the first event must follow the last that the bus knows of this producer, 10 how many events,
--       then (pseq, seq or "", "1" to write the event stream, type, body) for each event
-- A group that writes no event stream leaves no keys of a subject that has none.
-- The last group of a subject (negative time to live) is told by name on cloche:sealed, and the stream goes: all of it is
-- stored by then.
-- The flow counts the bytes that went into a ledger; each entry has the count at its end, so that whoever has applied
-- an entry can say how far that is.
-- Returns for each group the sequence of its last event; -1 when the attempt is over or the subject is sealed, -2 when the
-- ledger is full, -3 when the bus has lost what the producer published before; or the error that it ended with.
local flow = redis.call('HMGET', KEYS[2], 'in', 'out')
local before = tonumber(flow[1] or '0')
local applied = tonumber(flow[2] or '0')
local total = before

local function publish(stream, hash, at)
  local producer = 'p:' .. ARGV[at + 1]
  local attempt = tonumber(ARGV[at + 2])
  local source = redis.call('HMGET', hash, 'attempt', 'seq', producer, 'sealed')
  if source[4] or attempt < tonumber(source[1] or '0') then
    return -1
  end
  local seq = tonumber(source[2] or '0')
  local seen = tonumber(source[3] or '0')
  local first = at + 10
  if ARGV[at + 8] == '1' and tonumber(ARGV[first]) > seen + 1 then
    return -3
  end
  local ledger = ARGV[at + 4] == '1'
  if ledger and ARGV[at + 7] ~= '' and total - applied >= tonumber(ARGV[at + 7]) then
    return -2
  end
  local added = false
  local kept = source[1]
  for i = first, first + 5 * ARGV[at + 9] - 1, 5 do
    local pseq = tonumber(ARGV[i])
    if pseq > seen then
      local wanted = tonumber(ARGV[i + 1])
      seq = (wanted and wanted > seq) and wanted or seq + 1
      seen = pseq
      if ARGV[i + 2] == '1' then
        redis.call('XADD', stream, attempt .. '-' .. seq, 't', ARGV[i + 3], 'b', ARGV[i + 4])
        kept = true
      end
      if ledger then
        total = total + 200 + #ARGV[i + 4]
        redis.call('XADD', KEYS[1], '*', 'x', ARGV[at], 'a', attempt, 's', seq, 't', ARGV[i + 3], 'b', ARGV[i + 4],
          'n', string.format('%.0f', total))
      end
      added = true
    end
  end
  if not added then
    return seq
  end
  local ttl = tonumber(ARGV[at + 3])
  if ttl < 0 then
    redis.call('UNLINK', stream)
    redis.call('HSET', hash, 'attempt', attempt, 'seq', seq, producer, seen, 'sealed', '1')
    redis.call('EXPIRE', hash, -ttl)
    redis.call('PUBLISH', 'cloche:sealed', ARGV[at])
  elseif kept then
    redis.call('HSET', hash, 'attempt', attempt, 'seq', seq, producer, seen)
    redis.call('EXPIRE', stream, ttl)
    redis.call('EXPIRE', hash, ttl)
  end
  redis.call('PUBLISH', ARGV[at + 5], '')
  if ARGV[at + 6] ~= '' then
    redis.call('PUBLISH', ARGV[at + 6], ARGV[at])
  end
  return seq
end

local answers = {}
local at = 1
for i = 3, #KEYS, 2 do
  local done, answer = pcall(publish, KEYS[i], KEYS[i + 1], at)
  if not done and type(answer) ~= 'table' then -- some servers raise their errors as text
    answer = redis.error_reply(answer)
  end
  answers[#answers + 1] = answer
  at = at + 10 + 5 * ARGV[at + 9]
end
if total > before then
  redis.call('HSET', KEYS[2], 'in', string.format('%.0f', total))
end
return answers
