/** The outbox: which sessions have webhooks to send, and when. It is filled by the commits: see commit-scripts.ts. */
import { STORE_TIME } from './script-parts.ts';

/**
 * Sessions that are gone are taken out on the way. A key of another type is handed out: whoever reads it says so.
 *
 * KEYS  1 outbox
 * ARGV  1 what stands before a session id in its key · 2 how many at most · 3 for how long · [4 only this session]
 */
export const CLAIM_DUE = `
${STORE_TIME}
local taken, limit, due, rounds = {}, tonumber(ARGV[2]), nil, 0
repeat
  rounds = rounds + 1
  if ARGV[4] then
    local at = redis.call('ZSCORE', KEYS[1], ARGV[4])
    due = at and tonumber(at) <= now and {ARGV[4]} or {}
  else
    due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit - #taken)
  end
  local gone = 0
  for i = 1, #due do
    if redis.pcall('HEXISTS', ARGV[1] .. due[i], 'v') == 0 then
      redis.call('ZREM', KEYS[1], due[i])
      gone = gone + 1
    else
      redis.call('ZADD', KEYS[1], now + ARGV[3], due[i])
      taken[#taken + 1] = due[i]
    end
  end
until gone == 0 or rounds == 20
return taken
`;

/** KEYS 1 outbox · ARGV 1 session id · 2 for how long */
export const HOLD_DUE = `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
${STORE_TIME}
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1
`;
