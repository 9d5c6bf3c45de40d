-- Publish a group of events of one subject, all or none.
-- KEYS: 1 event stream, 2 source hash, 3 ledger stream (same hash tag)
-- ARGV: 1 subject, 2 producer, 3 attempt, 4 time to live (s), 5 "1" to write the ledger,
--       6 doorbell channel, 7 list doorbell channel or "", then (pseq, seq or "", type, body) for each event
-- The last group of a subject (negative time to live) is told by name on cloche:sealed.
-- Returns the sequence of the last event, or -1 when the attempt is over or the subject is sealed.
local attempt = tonumber(ARGV[3])
local source = redis.call('HMGET', KEYS[2], 'attempt', 'seq', 'p:' .. ARGV[2], 'sealed')
if source[4] or attempt < tonumber(source[1] or '0') then
  return -1
end
local seq = tonumber(source[2] or '0')
local seen = tonumber(source[3] or '0')
local added = false
for i = 8, #ARGV, 4 do
  local pseq = tonumber(ARGV[i])
  if pseq > seen then
    local wanted = tonumber(ARGV[i + 1])
    seq = (wanted and wanted > seq) and wanted or seq + 1
    seen = pseq
    redis.call('XADD', KEYS[1], attempt .. '-' .. seq, 't', ARGV[i + 2], 'b', ARGV[i + 3])
    if ARGV[5] == '1' then
      redis.call('XADD', KEYS[3], '*', 'x', ARGV[1], 'a', attempt, 's', seq, 't', ARGV[i + 2], 'b', ARGV[i + 3])
    end
    added = true
  end
end
if added then
  redis.call('HSET', KEYS[2], 'attempt', attempt, 'seq', seq, 'p:' .. ARGV[2], seen)
  local ttl = tonumber(ARGV[4])
  if ttl < 0 then
    ttl = -ttl
    redis.call('HSET', KEYS[2], 'sealed', '1')
    redis.call('PUBLISH', 'cloche:sealed', ARGV[1])
  end
  redis.call('EXPIRE', KEYS[1], ttl)
  redis.call('EXPIRE', KEYS[2], ttl)
  redis.call('PUBLISH', ARGV[6], '')
  if ARGV[7] ~= '' then
    redis.call('PUBLISH', ARGV[7], ARGV[1])
  end
end
return seq
