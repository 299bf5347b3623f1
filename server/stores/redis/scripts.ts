/** The other scripts. Each is one round trip and answers like the commit: an array that begins with the outcome, or a value. */
import { ANSWERED_MAX } from '../request-checks.ts';
import { ANSWER_TAIL, CHECK_HEAD, PURGE, STORE_TIME, answerGone, readHead } from './script-parts.ts';

export * from './instance-scripts.ts';
export { RETIRE_WHOLE } from './counting-scripts.ts';
export * from './list-scripts.ts';
export * from './outbox-scripts.ts';

/** Of what `READ` has looked at first. */
const ANSWER_UNCHANGED = `
local marks, answered = h[6] or '', (h[8] or '') ~= '' and '1' or ''
return b .. ' ' .. redis.call('PTTL', K) .. ' ' .. answered .. ' ' .. #marks .. ' ' .. marks .. (h[7] or '')
`;

/**
 * KEYS  1 session · [2 sessions · [3 sessions of all subjects]]
 * ARGV  nothing: from the first record, or 1 epoch · 2 head · 3 identity of the reader
 *       [· 4 new life of the session · 5 of the index · 6 where the session id starts in KEYS[1]]
 *
 * Who has all of it already, as nearly every reader of a session in memory does, is answered with one string instead of
 * twelve values, each of them a buffer there: bytes · life · '1': answered · length of the marks · marks and `n` together.
 */
export const READ = `
${readHead(", 'm', 'n', 'a'")}
if e and e == ARGV[1] and h[2] == ARGV[2] and w == ARGV[3] and not h[5] and not KEYS[2] then
  ${ANSWER_UNCHANGED}
end
${CHECK_HEAD}
${answerGone('missing')}
if KEYS[2] then
  ${STORE_TIME}
  redis.call('ZADD', KEYS[2], now + ARGV[4], string.sub(K, ARGV[6]))
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', K, ARGV[4])
  if KEYS[3] then
    local subject = string.match(KEYS[2], ':u:([^:]*):sessions$')
    redis.call('ZADD', KEYS[3], now + ARGV[4], subject .. '/' .. string.sub(K, ARGV[6]))
    redis.call('PEXPIRE', KEYS[3], ARGV[5])
  end
end
local outcome, upto, from, to = 'found', 0, 0, v
if e == ARGV[1] then
  local head = tonumber(ARGV[2])
  if head == v and w == ARGV[3] then
    ${ANSWER_UNCHANGED}
  end
  if head < v then from = head end
end
${ANSWER_TAIL}
`;

/**
 * Deletes first and writes the tombstone last, so that it also works when the memory is full: Redis asks for memory only
 * until a script has written. UNLINK, because freeing a long journal would keep everybody else waiting.
 *
 * KEYS  1 session · then `indexKeys`
 * ARGV  1 session id · 2 life of the tombstone · 3 wake-up channel or '' · [4 epoch · 5 head · 6 identity]
 */
export const REMOVE = `
local base = 1
${PURGE}
${readHead()}
${CHECK_HEAD}
if h[5] then return {'missing'} end
if not e then
  purge(ARGV[1])
  return {'missing', unpack(loose)}
end
if ARGV[4] and (e ~= ARGV[4] or h[2] ~= ARGV[5] or w ~= ARGV[6]) then return {'moved'} end
${STORE_TIME}
purge(ARGV[1])
local dead = redis.call('HGET', K, 'g')
redis.call('UNLINK', K)
redis.call('HSET', K, 'e', e, 'd', now)
if dead then redis.call('HSET', K, 'g', dead) end
redis.call('PEXPIRE', K, ARGV[2])
if ARGV[3] ~= '' then redis.pcall('PUBLISH', ARGV[3], 0) end
return {'removed', unpack(loose)}
`;

/**
 * The keys of the sessions are built here: they are on the shelf that KEYS names, so in its slot. A session that still
 * lives although its entry says otherwise gets the entry put right.
 *
 * KEYS  `indexKeys`
 * ARGV  1 what stands before a session id in its key · 2 how many at most · 3 life of an index key · [4 only this session]
 * Answers how many it took, of how many whose time was over, and loose aliases.
 */
export const RETIRE = `
local base = 0
${PURGE}
${STORE_TIME}
local due = ARGV[4] and {ARGV[4]} or redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
local retired = 0
for i = 1, #due do
  local left = redis.call('PTTL', ARGV[1] .. due[i])
  if left == -2 then
    purge(due[i])
    retired = retired + 1
  elseif not ARGV[4] then
    local at = now + (left == -1 and tonumber(ARGV[3]) or left)
    redis.call('ZADD', KEYS[1], at, due[i])
    if subject then redis.call('ZADD', KEYS[14], at, subject .. due[i]) end
  end
end
for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return {retired, #due, unpack(loose, 1, math.min(#loose, 4000))}
`;

/**
 * Marks many sessions of one shelf. Field `m` is `,12,15,`: the last of the messages whose answer was delivered.
 *
 * KEYS sessions · ARGV per session: epoch, answered messages as `12,15,`, `=` and who answered, as read, or ''
 * Answers how many are damaged, and the number of the first; all others are marked.
 */
export const MARK = `
local damaged, first = 0, 0
for k = 1, #KEYS do
  local epoch, numbers, serves = ARGV[3 * k - 2], ARGV[3 * k - 1], ARGV[3 * k]
  local h = redis.pcall('HMGET', KEYS[k], 'e', 'd', 'm', 'n', 'a')
  if h.err then
    if not string.find(h.err, 'WRONGTYPE', 1, true) then return h end
    damaged = damaged + 1
    if first == 0 then first = k end
  elseif h[1] == epoch and not h[2] then
    local m = h[3] or ','
    for n in string.gmatch(numbers, '%d+,') do
      if not string.find(m, ',' .. n, 1, true) then m = m .. n end
    end
    if m ~= (h[3] or ',') then
      local _, commas = string.gsub(m, ',', '')
      for i = 1, commas - 1 - ${ANSWERED_MAX} do m = string.sub(m, (string.find(m, ',', 2, true))) end
    else
      m = nil
    end
    local a = serves == '=' .. (h[4] or '') and not h[5]
    if m and a then
      redis.call('HSET', KEYS[k], 'm', m, 'a', '1')
    elseif m then
      redis.call('HSET', KEYS[k], 'm', m)
    elseif a then
      redis.call('HSET', KEYS[k], 'a', '1')
    end
  end
end
return {damaged, first}
`;

/** KEYS 1 session · ARGV 1 epoch · 2 who serves it, as read · 3 who shall */
export const CLAIM_DERIVED = `
${readHead(", 'n', 'a'")}
if e ~= ARGV[1] or h[5] then return false end
if (h[6] or '') ~= ARGV[2] or not h[7] then return h[6] or '' end
redis.call('HSET', K, 'n', ARGV[3])
redis.call('HDEL', K, 'a')
return ARGV[3]
`;

/**
 * For aliases on another shelf than their session's.
 *
 * KEYS  1 aliases · ARGV  1 alias · 2 task · 3 task it is known to name or '' · 4 life of the key
 * Answers whether it names the task now, and what it named before.
 */
export const ALIAS = `
local named = redis.call('HGET', KEYS[1], ARGV[1])
if named and named ~= ARGV[2] and named ~= ARGV[3] then return {0, named} end
if named ~= ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {1, named or ''}
`;

/** KEYS 1 aliases · ARGV 1 alias · 2 task it must still name · 3 what it shall name instead, '' = nothing */
export const UNALIAS = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`;

/**
 * Deletes the content of records; their numbers stay taken. What an earlier call has deleted counts no second time.
 *
 * KEYS 1 session · ARGV 1 epoch · then first and last number of each range, not more than 1,000 numbers in all
 */
export const COMPACT = `
${readHead()}
if e ~= ARGV[1] or h[5] then return 0 end
local names, seen, bytes, v = {}, {}, 0, tonumber(h[2]) or 0
for i = 2, #ARGV, 2 do
  for n = tonumber(ARGV[i]), math.min(tonumber(ARGV[i + 1]), v) do
    local size = not seen[n] and redis.call('HSTRLEN', K, n) or 0
    if size > 0 then
      seen[n] = true
      names[#names + 1] = n
      bytes = bytes + size
    end
  end
end
if #names == 0 then return 0 end
redis.call('HDEL', K, unpack(names))
redis.call('HSET', K, 'b', math.max(0, b - bytes))
return #names
`;

/**
 * KEYS 1 session · ARGV 1 epoch · then by turns a field, what stands in it, and what shall. Fields that are numbers are
 * records, which count for the size of the session. Answers how many it has put.
 */
export const REWRITE = `
${readHead()}
${CHECK_HEAD}
if e ~= ARGV[1] or h[5] then return 0 end
local done, grown = 0, 0
for i = 2, #ARGV, 3 do
  local field, from, to = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HGET', K, field) == from then
    redis.call('HSET', K, field, to)
    done = done + 1
    if string.find(field, '^%d+$') then grown = grown + #to - #from end
  end
end
if grown ~= 0 then redis.call('HSET', K, 'b', math.max(0, b + grown)) end
return done
`;

/** KEYS any number of indexes. Answers how many each has. */
export const CENSUS = `
local r = {}
for i = 1, #KEYS do r[i] = redis.call('ZCARD', KEYS[i]) end
return r
`;
