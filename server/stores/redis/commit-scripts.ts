/**
 * The scripts that append. One call, one round trip, all or nothing: Lua does not roll back, so they check first, then
 * write the indexes (whose failure leaves the session untouched), then records and head, then the expiry, then wake:
 * the message is the head and who wrote it, so that nobody wakes himself.
 *
 * KEYS  1 session · 2 sessions · [3 ids · 4 tasks · states…] · [outbox] · [aliases, the last]
 * ARGV  1 expected epoch · 2 expected head · 3 expected \`w\` · 4 instance · 5 first seq, '' without records · 6 last seq
 *       7 expiry: '' keep, 'N' slide, '+N' lengthen · 8 life of an index key · 9 where the \`s\` stands in KEYS[1],
 *       negative: wake nobody · 10 how many tasks · 11 how many aliases;
 *       -1 less that number: the last argument says in how many ms webhooks are due, or '' when none is any more ·
 *       12 \`w\` behind the records
 *       then per alias: field, task, expected · per task: task, key of its state, key of its previous state (as numbers
 *       of KEYS, 0 = none), status time, summary · then the records · [the outbox]
 *
 * A create stands at head 0: its ARGV 2 is the new epoch, its ARGV 3 \`head\` or \`tail\`. Task ids come without the
 * session's part, and the wake-up's channel is made from KEYS[1]: what can be derived is not sent.
 */
import { ANSWER_TAIL, CHECK_HEAD, STORE_TIME, answerGone, readHead } from './script-parts.ts';

/**
 * Nothing was written before this. `=`: the alias was set on its own shelf; `!`: it was found taken there. An alias of
 * a session that has expired or was removed is free, whatever is left of it in the indexes.
 */
const ALIASES = `
local A = KEYS[#KEYS]
for i = 13, 10 + aliases * 3, 3 do
  local expected = ARGV[i + 2]
  local mark = string.sub(expected, 1, 1)
  if mark == '!' then return {'aliased', ARGV[i], string.sub(expected, 2)} end
  local named = mark ~= '=' and redis.call('HGET', A, ARGV[i])
  if named and named ~= expected and named ~= member .. '.' .. ARGV[i + 1] then
    local other = string.sub(K, 1, place + 1) .. string.match(named, '^[^.]*')
    if redis.pcall('HEXISTS', other, 'v') ~= 0 then return {'aliased', ARGV[i], named} end
  end
end
`;

/** As many as may be deleted and begun anew while one create waits for its answer; about 60. */
const DEAD_EPOCHS_MAX_BYTES = 1_024;

/** An index is kept for another life by everything that is new in it, and by every \`retire\`: not by each commit. */
const WRITE = `
local ttl, life = tonumber(ARGV[7]), ARGV[8]
if ttl and string.byte(ARGV[7]) == 43 then
  local left = redis.call('PTTL', K)
  if left == -1 or left >= ttl then ttl = nil end
end
if ttl then
  ${STORE_TIME}
  if redis.call('ZADD', KEYS[2], now + ttl, member) == 1 then redis.call('PEXPIRE', KEYS[2], life) end
end
local at, to, gone = 13, #ARGV, nil
if boxed then
  local box = KEYS[aliases > 0 and #KEYS - 1 or #KEYS]
  if ARGV[to] == '' then
    redis.call('ZREM', box, member)
  else
    ${STORE_TIME}
    if redis.call('ZADD', box, now + ARGV[to], member) == 1 then redis.call('PEXPIRE', box, life) end
  end
  to = to - 1
end
local set = {K, 'v', v, 'w', w, 'b', b}
for i = 1, aliases do
  local field, id = ARGV[at], member .. '.' .. ARGV[at + 1]
  local back = redis.call('HGET', A, id)
  if not back then
    redis.call('HSET', A, id, field)
  elseif not string.find(' ' .. back .. ' ', ' ' .. field .. ' ', 1, true) then
    redis.call('HSET', A, id, back .. ' ' .. field)
  end
  if ARGV[at + 2] ~= '=' then redis.call('HSET', A, field, id) end
  redis.call('PEXPIRE', A, life)
  at = at + 3
end
for i = 1, tonumber(ARGV[10]) do
  local id, state, previous = member .. '.' .. ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if state > 0 then
    if previous == 0 then
      redis.call('ZADD', KEYS[3], 0, id)
      redis.call('PEXPIRE', KEYS[3], life)
    end
    if redis.call('ZADD', KEYS[4], ARGV[at + 3], id) == 1 then redis.call('PEXPIRE', KEYS[4], life) end
    if redis.call('ZADD', KEYS[state], ARGV[at + 3], id) == 1 then redis.call('PEXPIRE', KEYS[state], life) end
    if previous > 0 and previous ~= state then redis.call('ZREM', KEYS[previous], id) end
    set[#set + 1] = 't:' .. id
    set[#set + 1] = ARGV[at + 4]
  else
    redis.call('ZREM', KEYS[4], id)
    if previous > 0 then redis.call('ZREM', KEYS[previous], id) end
    gone = gone or {K}
    gone[#gone + 1] = 't:' .. id
  end
  at = at + 5
end
if at <= to then
  for i = at, to do
    v = v + 1
    b = b + #ARGV[i]
    set[#set + 1] = v
    set[#set + 1] = ARGV[i]
  end
  set[3] = v
  set[5] = ARGV[12]
  set[7] = b
  set[#set + 1] = owner
  set[#set + 1] = ARGV[6]
end
if not h[2] then
  set[#set + 1] = 'e'
  set[#set + 1] = e
  if h[5] then
    local dead = (redis.call('HGET', K, 'g') or ',') .. h[1] .. ','
    if #dead > ${DEAD_EPOCHS_MAX_BYTES} then
      dead = string.sub(dead, (string.find(dead, ',', #dead - ${DEAD_EPOCHS_MAX_BYTES}, true)))
    end
    set[#set + 1] = 'g'
    set[#set + 1] = dead
    redis.call('UNLINK', K)
  end
end
redis.call('HSET', unpack(set))
if gone then redis.call('HDEL', unpack(gone)) end
if ttl then redis.call('PEXPIRE', K, ttl) end
if wake then redis.pcall('PUBLISH', string.sub(K, 1, place - 1) .. 'w' .. string.sub(K, place + 1), v .. ' ' .. ARGV[4]) end
return 1
`;

const HEAD = `
local owner = 'o:' .. ARGV[4]
${readHead(', owner')}
local last, first, aliases = tonumber(h[6]), tonumber(ARGV[5]), tonumber(ARGV[11])
local boxed = aliases < 0
if boxed then aliases = -1 - aliases end
local place = tonumber(ARGV[9])
local wake = place > 0
if not wake then place = -place end
local member = string.sub(K, place + 2)
`;

/** The hot path compares strings only; a head that equals the caller's needs no further check. */
export const APPEND = `
${HEAD}
if e == ARGV[1] and h[2] == ARGV[2] and w == ARGV[3] and not h[5] and not (first and last and last >= first) then
  local v = tonumber(h[2])
  ${ALIASES}
  ${WRITE}
end
${CHECK_HEAD}
${answerGone('gone')}
if e ~= ARGV[1] then return {'gone'} end
local outcome, upto, from, to = 'moved', 0, tonumber(ARGV[2]), v
if first and last and last >= first then
  outcome = 'stored'
  upto = last
elseif v <= from then
  return {'diverged'}
end
${ANSWER_TAIL}
`;

/**
 * A session that has expired may still be in the indexes: then nothing is written but \`stale\` answered, and the caller
 * clears them away first. Otherwise the tasks of its former life would come back with it.
 *
 * Field \`g\` is \`,epoch,epoch,\`: those that were deleted under this id lately. A create whose answer was lost, and whose
 * session was then deleted and begun anew by somebody else, is told so; it must not merge what was deleted.
 */
export const CREATE = `
${HEAD}
if not e or (h[5] and e == ARGV[1]) then
  if not e and redis.call('EXISTS', K) == 1 then return {'damaged', 'e'} end
  local left = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. member .. '.', '(' .. member .. '/', 'LIMIT', 0, 1)
  if #left > 0 then return {'stale'} end
  ${ALIASES}
  local v = 0
  e, w, b = ARGV[2], '', 0
  ${WRITE}
end
${CHECK_HEAD}
${answerGone('gone')}
local outcome, upto, from, to = 'exists', 0, 0, v
if e == ARGV[2] then
  if first and last and last >= first then
    outcome = 'stored'
    upto = last
  elseif v == 0 then
    return 1
  else
    outcome = 'moved'
  end
else
  local dead = redis.call('HGET', K, 'g')
  if dead and string.find(dead, ',' .. ARGV[2] .. ',', 1, true) then return {'gone', ARGV[2], 0} end
  if ARGV[3] == 'head' then to = 0 end
end
${ANSWER_TAIL}
`;
