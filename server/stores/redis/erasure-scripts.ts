/** What is gone, and who has to know it. All keys of orders are in the slot of the registry. */
import { PURGE, STORE_TIME } from './script-parts.ts';

/**
 * As REMOVE, but whatever the head says, because what is damaged has content too.
 *
 * KEYS  1 session · then `indexKeys`
 * ARGV  1 session id · 2 life of the tombstone · 3 wake-up channel or ''
 * Answers records, bytes, tasks and aliases, then loose aliases; -1 = there was none.
 */
export const ERASE = `
local base = 1
${PURGE}
local K, m = KEYS[1], ARGV[1]
local h = redis.pcall('HMGET', K, 'e', 'v', 'b', 'd', 'g')
if h.err and not string.find(h.err, 'WRONGTYPE', 1, true) then return h end
local ids, aliases = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. m .. '.', '(' .. m .. '/'), 0
for i = 1, #ids do
  local back = redis.call('HGET', KEYS[4], ids[i])
  if back then aliases = aliases + select(2, string.gsub(back, '%S+', '')) end
end
purge(m)
if h[4] or redis.call('EXISTS', K) == 0 then return {-1, 0, 0, 0, unpack(loose)} end
redis.call('UNLINK', K)
if h[1] then
  ${STORE_TIME}
  redis.call('HSET', K, 'e', h[1], 'd', now)
  if h[5] then redis.call('HSET', K, 'g', h[5]) end
  redis.call('PEXPIRE', K, ARGV[2])
end
if ARGV[3] ~= '' then redis.pcall('PUBLISH', ARGV[3], 0) end
return {tonumber(h[2]) or 0, tonumber(h[3]) or 0, #ids, aliases, unpack(loose)}
`;

/** KEYS 1 tenants · 2 instances · ARGV 1 tenant · 2 what stands before an instance in the key of its tenants */
export const FORGET_TENANT = `
redis.call('ZREM', KEYS[1], ARGV[1])
local all = redis.call('ZRANGE', KEYS[2], 0, -1)
for i = 1, #all do redis.call('ZREM', ARGV[2] .. all[i], ARGV[1]) end
return #all
`;

/**
 * Numbers are moments of store time, so that they go on where they were when all orders before have expired.
 *
 * KEYS  1 orders (zset: number, scored by itself)
 * ARGV  1 what stands before a number in the key of an order · 2 its life · 3 what it says
 */
export const ORDER_ERASURE = `
${STORE_TIME}
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0)[1]
local n = math.max(now, (tonumber(last) or 0) + 1)
local key = ARGV[1] .. string.format('%.0f', n)
redis.call('HSET', key, 'o', ARGV[3])
redis.call('PEXPIRE', key, ARGV[2])
redis.call('ZADD', KEYS[1], n, string.format('%.0f', n))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
for _, old in ipairs(redis.call('ZRANGE', KEYS[1], 0, 99)) do
  if redis.call('EXISTS', ARGV[1] .. old) == 0 then redis.call('ZREM', KEYS[1], old) end
end
return string.format('%.0f', n)
`;

/**
 * Whoever has seen a higher number than there is gets all: the store went back. Portions of which nothing is left are passed
 * over.
 *
 * KEYS  1 orders
 * ARGV  1 as above · 2 number behind which · 3 how many at most
 * Answers number, age and what it says by turns.
 */
export const ERASURES = `
${STORE_TIME}
local after, most = ARGV[2], tonumber(ARGV[3])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0)[1]
if last and tonumber(last) < tonumber(after) then after = '0' end
local answer, found = {}
repeat
  found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. after, '+inf', 'LIMIT', 0, most)
  for i = 1, #found do
    local said = redis.call('HGET', ARGV[1] .. found[i], 'o')
    if said then
      answer[#answer + 1] = found[i]
      answer[#answer + 1] = math.max(0, now - tonumber(found[i]))
      answer[#answer + 1] = said
    end
  end
  after = found[#found]
until #answer > 0 or #found < most
return answer
`;

/** KEYS 1 order · ARGV 1 field of the instance · 2 what it has given up */
export const ERASURE_DONE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
`;
