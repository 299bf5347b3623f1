/**
 * Who shares the store, by store time. The score of an instance is its last beat; that of one that has said goodbye is
 * negative, the time of the goodbye. All keys are in the slot of the registry.
 */
import { BELOW } from './list-scripts.ts';
import { STORE_TIME } from './script-parts.ts';

/** Those that were silent for so long are taken out, with what they noted. Needs `silent`, and what stands before them in a key. */
const FORGET_SILENT = (silent: string, base: string) => `
for _, range in ipairs({{0, now - ${silent}}, {-(now - ${silent}), '(0'}}) do
  local gone = redis.call('ZRANGEBYSCORE', KEYS[1], range[1], range[2], 'LIMIT', 0, 100)
  for i = 1, #gone do
    redis.call('ZREM', KEYS[1], gone[i])
    redis.call('UNLINK', ${base} .. gone[i])
  end
end
`;

/**
 * KEYS  1 instances · 2 orders to erase
 * ARGV  1 instance · 2 after how long a silent one is forgotten · 3 what stands before an instance in the key of its tenants
 * Answers the newest order.
 */
export const BEAT = `
${STORE_TIME}
redis.call('ZADD', KEYS[1], now, ARGV[1])
${FORGET_SILENT('ARGV[2]', 'ARGV[3]')}
return redis.call('ZREVRANGE', KEYS[2], 0, 0)[1] or '0'
`;

/** KEYS 1 instances · ARGV 1 after how long a silent one is forgotten · 2 as BEAT. Answers instance and age by turns; -1 = has left. */
export const INSTANCES = `
${STORE_TIME}
${FORGET_SILENT('ARGV[1]', 'ARGV[2]')}
local seen = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES')
for i = 2, #seen, 2 do
  local at = tonumber(seen[i])
  seen[i] = at <= 0 and -1 or math.max(0, now - at)
end
return seen
`;

/** Who has noted no tenant has left nothing behind. KEYS 1 instances · 2 its tenants · ARGV 1 instance */
export const LEAVE = `
${STORE_TIME}
if redis.call('EXISTS', KEYS[2]) == 0 then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return redis.call('ZADD', KEYS[1], -now, ARGV[1])
`;

/** KEYS 1 instances · 2 its tenants · ARGV 1 instance */
export const FORGET = `
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('UNLINK', KEYS[2])
`;

/** KEYS 1 tenants · 2 those of the instance · ARGV 1 tenant · 2 life of the keys, and after how long a silent tenant is forgotten */
export const NOTE_TENANT = `
${STORE_TIME}
for i = 1, 2 do
  redis.call('ZADD', KEYS[i], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - ARGV[2])
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
return 1
`;

/** KEYS 1 tenants, or those of an instance · ARGV 1 after how long a silent one is forgotten */
export const TENANTS = `
${STORE_TIME}
return redis.call('ZRANGEBYSCORE', KEYS[1], now - ARGV[1], '+inf')
`;

/**
 * A page of the tasks in a state, those first whose status is the oldest: so one that moves on meanwhile is seen later, not
 * missed. As many are looked at as are asked for, whether their sessions are still there or not.
 *
 * KEYS  1 tasks in a state
 * ARGV  1 what stands before a session id in its key · 2 how many [· 3 status time · 4 member behind which to begin]
 * Answers member, status time and summary by turns; no summary = the session is gone, an empty one = it is missing there.
 */
export const RUNNING = `
${BELOW}
local I, from = KEYS[1], 0
if ARGV[3] then
  from = redis.call('ZCOUNT', I, '-inf', '(' .. ARGV[3])
  local to = from + redis.call('ZCOUNT', I, ARGV[3], ARGV[3])
  while from < to do
    local mid = math.floor((from + to) / 2)
    if below(ARGV[4], redis.call('ZRANGE', I, mid, mid)[1]) then to = mid else from = mid + 1 end
  end
end
local r = redis.call('ZRANGE', I, from, from + ARGV[2] - 1, 'WITHSCORES')
local answer = {}
for i = 1, #r, 2 do
  local key = ARGV[1] .. string.match(r[i], '^[^.]*')
  local summary = redis.pcall('HGET', key, 't:' .. r[i])
  if summary == false and redis.call('HEXISTS', key, 'v') == 1 then summary = '' end
  answer[#answer + 1] = r[i]
  answer[#answer + 1] = r[i + 1]
  answer[#answer + 1] = type(summary) == 'string' and summary
end
return answer
`;

/**
 * KEYS 1 settings · ARGV 1 buckets · 2 scope. Answers those that hold. A store from before there were scopes has buckets
 * alone: there sessions are shared in a tenant.
 */
export const SETTLE = `
if redis.call('HSETNX', KEYS[1], 'buckets', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'scope', ARGV[2])
end
return {redis.call('HGET', KEYS[1], 'buckets'), redis.call('HGET', KEYS[1], 'scope') or 'tenant'}
`;

/** KEYS 1 settings · ARGV 1 name · 2 value, where there is none. Answers the one that holds. */
export const SHARE = `
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
`;
