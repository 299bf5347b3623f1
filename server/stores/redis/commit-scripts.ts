/**
 * The scripts that append. One call, one round trip, all or nothing: Lua does not roll back, so they check first, then
 * write the indexes (whose failure leaves the session untouched), then records and head, then the expiry, then wake:
 * the message is the head and who wrote it, so that nobody wakes himself.
 *
 * KEYS  1 session · 2 sessions · [3 ids · 4 tasks · states…] · [outbox] · [aliases, the last]
 * ARGV  1 words with a space between: expected epoch · expected head · expected `w` · instance · first seq, '' without
 *       records · last seq · expiry: '' keep, 'N' slide, '+N' lengthen · life of an index key · where the `s` stands in
 *       KEYS[1] · '1': wake others · how many tasks · how many aliases · '1': the last argument says in how many ms
 *       webhooks are due, or '' when none is any more · `w` behind the records
 *       then per alias: field, task, expected · per task: words, summary · then the records · [the outbox]
 *       words of a task: task · key of its state · key of its previous state (as numbers of KEYS, 0 = none) · status time
 *
 * A create stands at head 0: its expected head is the new epoch, its expected `w` is `head` or `tail`. Task ids come
 * without the session's part, and the wake-up's channel is made from KEYS[1]: what can be derived is not sent. Each
 * argument costs more than the word that it may be: Redis, Lua and this process handle it on its own.
 */
import type { DurationMs } from '../../../protocol/units.ts';
import { counting, type Counting, NOT_COUNTING } from './counting-scripts.ts';
import { CHECK_HEAD, ANSWER_TAIL, STORE_TIME, answerGone, readHead } from './script-parts.ts';

const WORDS = [
  'epoch',
  'head',
  'known',
  'instance',
  'first',
  'last',
  'expiry',
  'life',
  'place',
  'wake',
  'tasks',
  'aliases',
  'boxed',
  'w_behind',
] as const;

/** @param names of Lua locals for the words of an argument */
const readWords = (names: readonly string[], arg: string): string =>
  `local ${names.join(', ')} = string.match(${arg}, '^${names.map(() => '([^ ]*)').join(' ')}$')`;

const readArgs = ({ words }: Counting): string => `
local K = KEYS[1]
${readWords([...WORDS, ...words], 'ARGV[1]')}
first, last, place, aliases = tonumber(first), tonumber(last), tonumber(place), tonumber(aliases)
local owner, member = 'o:' .. instance, string.sub(K, place + 2)
`;

/**
 * Nothing was written before this. `=`: the alias was set on its own shelf; `!`: it was found taken there. An alias of
 * a session that has expired or was removed is free, whatever is left of it in the indexes.
 */
const ALIASES = `
local A = KEYS[#KEYS]
for i = 2, aliases * 3, 3 do
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

/**
 * The first entry of an index gives it a life, and every `retire` another one: not each commit. `Z` is what ZADD said.
 */
const LIVE = (key: string): string =>
  `if Z == 1 and redis.call('ZCARD', ${key}) == 1 then redis.call('PEXPIRE', ${key}, life) end`;

/** What the entry of a session says may be so much too early: `retire` looks at the session itself before it takes it out. */
const ENTRY_EARLY_MAX_MS: DurationMs = 500;

/** How long the session lives from now on. The second commit of a send need not move its entry once more. */
const slide = ({ moved }: Counting): string => `
local ttl = tonumber(expiry)
if ttl then
  local left = redis.call('PTTL', K)
  if string.byte(expiry) == 43 and (left == -1 or left >= ttl) then
    ttl = nil
  elseif left > ttl or left < ttl - math.min(ttl / 16, ${ENTRY_EARLY_MAX_MS}) then
    ${STORE_TIME}
    local Z = redis.call('ZADD', KEYS[2], now + ttl, member)
    ${LIVE('KEYS[2]')}
    ${moved}
  end
end
`;

const write = ({ task, noTask }: Counting): string => `
local at, to, gone = 2, #ARGV, nil
if boxed == '1' then
  local box = KEYS[aliases > 0 and #KEYS - 1 or #KEYS]
  if ARGV[to] == '' then
    redis.call('ZREM', box, member)
  else
    ${STORE_TIME}
    local Z = redis.call('ZADD', box, now + ARGV[to], member)
    ${LIVE('box')}
  end
  to = to - 1
end
local set, n = {K, 'v', v, 'w', w, 'b', b}, 7
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
for i = 1, tonumber(tasks) do
  ${readWords(['id', 'state', 'previous', 'status_at'], 'ARGV[at]')}
  id, state, previous = member .. '.' .. id, tonumber(state), tonumber(previous)
  if state > 0 then
    local Z
    if previous == 0 then
      Z = redis.call('ZADD', KEYS[3], '0', id)
      ${LIVE('KEYS[3]')}
    end
    Z = redis.call('ZADD', KEYS[4], status_at, id)
    ${LIVE('KEYS[4]')}
    Z = redis.call('ZADD', KEYS[state], status_at, id)
    ${LIVE('KEYS[state]')}
    ${task}
    if previous > 0 and previous ~= state then redis.call('ZREM', KEYS[previous], id) end
    set[n + 1], set[n + 2] = 't:' .. id, ARGV[at + 1]
    n = n + 2
  else
    redis.call('ZREM', KEYS[4], id)
    ${noTask}
    if previous > 0 then redis.call('ZREM', KEYS[previous], id) end
    gone = gone or {K}
    gone[#gone + 1] = 't:' .. id
  end
  at = at + 2
end
if at <= to then
  for i = at, to do
    v = v + 1
    b = b + #ARGV[i]
    set[n + 1], set[n + 2] = v, ARGV[i]
    n = n + 2
  end
  set[3], set[5], set[7] = v, w_behind, b
  set[n + 1], set[n + 2] = owner, last
  n = n + 2
end
`;

const writeEnd = ({ answer }: Counting): string => `
redis.call('HSET', unpack(set, 1, n))
if gone then redis.call('HDEL', unpack(gone)) end
if ttl then redis.call('PEXPIRE', K, ttl) end
if wake == '1' then
  redis.pcall('PUBLISH', string.sub(K, 1, place - 1) .. 'w' .. string.sub(K, place + 1), v .. ' ' .. instance)
end
${answer}
`;

/** The hot path compares strings only; a head that equals the caller's needs no further check. */
const append = (counted: Counting): string => `
${readArgs(counted)}
${readHead(', owner')}
local stored = tonumber(h[6])
if e == epoch and h[2] == head and w == known and not h[5] and not (first and stored and stored >= first) then
  local v = tonumber(h[2])
  ${ALIASES}
  ${counted.append}
  ${slide(counted)}
  ${write(counted)}
  ${writeEnd(counted)}
end
${CHECK_HEAD}
${answerGone('gone')}
if e ~= epoch then return {'gone'} end
local outcome, upto, from, to = 'moved', 0, tonumber(head), v
if first and stored and stored >= first then
  outcome = 'stored'
  upto = stored
elseif v <= from then
  return {'diverged'}
end
${ANSWER_TAIL}
`;

/**
 * A session that has expired may still be in the indexes: then nothing is written but `stale` answered, and the caller
 * clears them away first. Otherwise the tasks of its former life would come back with it. Whoever is in any index is in
 * `sessions`, and leaves all of them at once.
 *
 * Field `g` is `,epoch,epoch,`: those that were deleted under this id lately. A create whose answer was lost, and whose
 * session was then deleted and begun anew by somebody else, is told so; it must not merge what was deleted.
 */
const create = (counted: Counting): string => `
${readArgs(counted)}
local h, e, w, b = {}, false, '', 0
if redis.call('EXISTS', K) == 1 then
  ${readHead(', owner', false)}
  if not e then return {'damaged', 'e'} end
end
if not e or (h[5] and e == epoch) then
  ${ALIASES}
  ${counted.create}
  local v, ttl = 0, tonumber(expiry)
  ${STORE_TIME}
  local Z = redis.call('ZADD', KEYS[2], 'NX', now + ttl, member)
  if Z == 0 then return {'stale'} end
  ${LIVE('KEYS[2]')}
  ${counted.moved}
  w, b = '', 0
  ${write(counted)}
  set[n + 1], set[n + 2] = 'e', head
  n = n + 2
  if h[5] then
    local dead = (redis.call('HGET', K, 'g') or ',') .. h[1] .. ','
    if #dead > ${DEAD_EPOCHS_MAX_BYTES} then
      dead = string.sub(dead, (string.find(dead, ',', #dead - ${DEAD_EPOCHS_MAX_BYTES}, true)))
    end
    set[n + 1], set[n + 2] = 'g', dead
    n = n + 2
    redis.call('UNLINK', K)
  end
  ${writeEnd(counted)}
end
${CHECK_HEAD}
${answerGone('gone')}
local outcome, upto, from, to = 'exists', 0, 0, v
local stored = tonumber(h[6])
if e == head then
  if first and stored and stored >= first then
    outcome = 'stored'
    upto = stored
  elseif v == 0 then
    return 1
  else
    outcome = 'moved'
  end
else
  local dead = redis.call('HGET', K, 'g')
  if dead and string.find(dead, ',' .. head .. ',', 1, true) then return {'gone', head, 0} end
  if known == 'head' then to = 0 end
end
${ANSWER_TAIL}
`;

const COUNTED = counting({ entryEarlyMaxMs: ENTRY_EARLY_MAX_MS }, LIVE);

export const APPEND = append(NOT_COUNTING);
export const CREATE = create(NOT_COUNTING);
/** For a tenant with limits, or with subjects. */
export const APPEND_COUNTED = append(COUNTED);
export const CREATE_COUNTED = create(COUNTED);
