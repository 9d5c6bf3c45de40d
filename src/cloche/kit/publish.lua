-- Publish a group of events of one subject, all or none.
-- KEYS: 1 event stream, 2 source hash, 3 ledger stream, 4 the ledger's flow (all with the same hash tag)
-- ARGV: 1 subject, 2 producer, 3 attempt, 4 time to live (s), 5 "1" to write the ledger,
--       6 doorbell channel, 7 list doorbell channel or "", 8 most bytes in the ledger or "" for any,
--       9 "1" where the first event must follow the last that the bus knows of this producer,
--       then (pseq, seq or "", "1" to write the event stream, type, body) for each event
-- A group that writes no event stream leaves no keys of a subject that has none.
-- The last group of a subject (negative time to live) is told by name on cloche:sealed, and the stream goes: all of it is
-- stored by then.
-- The flow counts the bytes that went into a ledger; each entry has the count at its end, so that whoever has applied
-- an entry can say how far that is.
-- Returns the sequence of the last event; -1 when the attempt is over or the subject is sealed, -2 when the ledger is
-- full, -3 when the bus has lost what the producer published before.
local attempt = tonumber(ARGV[3])
local source = redis.call('HMGET', KEYS[2], 'attempt', 'seq', 'p:' .. ARGV[2], 'sealed')
if source[4] or attempt < tonumber(source[1] or '0') then
  return -1
end
local seq = tonumber(source[2] or '0')
local seen = tonumber(source[3] or '0')
if ARGV[9] == '1' and tonumber(ARGV[10]) > seen + 1 then
  return -3
end
local ledger = ARGV[5] == '1'
local total = 0
if ledger then
  local flow = redis.call('HMGET', KEYS[4], 'in', 'out')
  total = tonumber(flow[1] or '0')
  if ARGV[8] ~= '' and total - tonumber(flow[2] or '0') >= tonumber(ARGV[8]) then
    return -2
  end
end
local added = false
local kept = source[1]
for i = 10, #ARGV, 5 do
  local pseq = tonumber(ARGV[i])
  if pseq > seen then
    local wanted = tonumber(ARGV[i + 1])
    seq = (wanted and wanted > seq) and wanted or seq + 1
    seen = pseq
    if ARGV[i + 2] == '1' then
      redis.call('XADD', KEYS[1], attempt .. '-' .. seq, 't', ARGV[i + 3], 'b', ARGV[i + 4])
      kept = true
    end
    if ledger then
      total = total + 200 + #ARGV[i + 4]
      redis.call('XADD', KEYS[3], '*', 'x', ARGV[1], 'a', attempt, 's', seq, 't', ARGV[i + 3], 'b', ARGV[i + 4],
        'n', string.format('%.0f', total))
    end
    added = true
  end
end
if not added then
  return seq
end
if ledger then
  redis.call('HSET', KEYS[4], 'in', string.format('%.0f', total))
end
local ttl = tonumber(ARGV[4])
if ttl < 0 then
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[2], 'attempt', attempt, 'seq', seq, 'p:' .. ARGV[2], seen, 'sealed', '1')
  redis.call('EXPIRE', KEYS[2], -ttl)
  redis.call('PUBLISH', 'cloche:sealed', ARGV[1])
elseif kept then
  redis.call('HSET', KEYS[2], 'attempt', attempt, 'seq', seq, 'p:' .. ARGV[2], seen)
  redis.call('EXPIRE', KEYS[1], ttl)
  redis.call('EXPIRE', KEYS[2], ttl)
end
redis.call('PUBLISH', ARGV[6], '')
if ARGV[7] ~= '' then
  redis.call('PUBLISH', ARGV[7], ARGV[1])
end
return seq
