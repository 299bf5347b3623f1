/** Pieces of Lua that several scripts share. They are text, not functions: a closure per call costs a tenth of a commit. */
import { TAIL_MAX_BYTES, TAIL_MAX_RECORDS } from '../../sessions/session-store.ts';

/**
 * The head of the session in KEYS[1]. Asked with `pcall`, so that a key of another type is an answer and not an error
 * that cannot be told from a damaged index. Nothing has been written yet when it is given.
 *
 * @param more further fields, as Lua expressions; they follow in `h[6]`, …
 * @param declares whether it makes the locals that it sets; else they are there already, `K` too
 */
export const readHead = (more = '', declares = true) => `
${declares ? 'local h' : 'h'} = redis.pcall('HMGET', KEYS[1], 'e', 'v', 'w', 'b', 'd'${more})
if h.err then
  if string.find(h.err, 'WRONGTYPE', 1, true) then return {'damaged', 'type'} end
  return h
end
${declares ? 'local K, e, w, b' : 'K, e, w, b'} = KEYS[1], h[1], h[3] or '', tonumber(h[4]) or 0
`;

/** Store time in ms. */
export const STORE_TIME = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/** After this \`v\` is a number, and a hash without an epoch is not taken for a missing session. */
export const CHECK_HEAD = `
if not e and redis.call('EXISTS', K) == 1 then return {'damaged', 'e'} end
if e and not h[5] and not (h[2] and #h[2] < 16 and string.find(h[2], '^%d+$')) then return {'damaged', 'v'} end
local v = tonumber(h[2]) or 0
`;

/** The answer for a tombstone or nothing at all: the epoch and how long ago, as far as known. */
export const answerGone = (outcome: string) => `
if h[5] then
  ${STORE_TIME}
  return {'${outcome}', e, math.max(0, now - (tonumber(h[5]) or now))}
end
if not e then return {'${outcome}'} end
`;

/**
 * Answers with \`outcome\`, \`upto\`, the snapshot, and the records after \`from\` until \`to\`. Fields are asked for in
 * portions: \`unpack\` ends near 8,000 values, and of records that may be large only a few are held at once.
 */
export const ANSWER_TAIL = `
local x = redis.call('HMGET', K, 'm', 'n', 'a')
local r = {outcome, upto, e, v, w, b, redis.call('PTTL', K), x[1] or '', x[2] or '', x[3] or '', from, 0}
local bytes, at, i = 0, 12, from
local portion = b > ${TAIL_MAX_BYTES} and 16 or ${TAIL_MAX_RECORDS}
to = math.min(to, from + ${TAIL_MAX_RECORDS})
while i < to do
  local names = {}
  for n = i + 1, math.min(to, i + portion) do names[#names + 1] = n end
  local got = redis.call('HMGET', K, unpack(names))
  for n = 1, #names do
    if got[n] then
      bytes = bytes + #got[n]
      if bytes > ${TAIL_MAX_BYTES} and at > 12 then
        to = 0
        break
      end
    end
    at = at + 1
    r[at] = got[n]
  end
  i = i + #names
end
if from + at - 12 < v then r[12] = 1 end
return r
`;

/** \`purge_members(index, session)\` takes the tasks of a session out of an index whose scores are all 0. */
export const PURGE_MEMBERS = `
local function purge_members(index, session)
  local ids = redis.call('ZRANGEBYLEX', index, '[' .. session .. '.', '(' .. session .. '/')
  for i = 1, #ids, 1000 do
    redis.call('ZREM', index, unpack(ids, i, math.min(#ids, i + 999)))
  end
end
`;

/**
 * \`purge(member)\` takes a session out of every index of its shelf. Aliases that live on another shelf are noted in
 * \`loose\`, alias and task by turns. Needs \`base\`, the position before the keys of \`indexKeys\` in KEYS.
 */
export const PURGE = `
${PURGE_MEMBERS}
local loose = {}
local subject = KEYS[base + 14] and string.match(KEYS[base + 1], ':u:([^:]*):sessions$') .. '/'
local function purge(member)
  redis.call('ZREM', KEYS[base + 1], member)
  if subject then
    redis.call('ZREM', KEYS[base + 14], subject .. member)
    purge_members(KEYS[base + 15], subject .. member)
  end
  redis.call('ZREM', KEYS[base + 13], member)
  local ids = redis.call('ZRANGEBYLEX', KEYS[base + 2], '[' .. member .. '.', '(' .. member .. '/')
  for i = 1, #ids, 1000 do
    local some = {unpack(ids, i, math.min(#ids, i + 999))}
    for k = base + 4, base + 12 do redis.call('ZREM', KEYS[k], unpack(some)) end
    redis.call('ZREM', KEYS[base + 2], unpack(some))
  end
  for i = 1, #ids do
    local back = redis.call('HGET', KEYS[base + 3], ids[i])
    if back then
      redis.call('HDEL', KEYS[base + 3], ids[i])
      for field in string.gmatch(back, '%S+') do
        local names = redis.call('HGET', KEYS[base + 3], field)
        if names == ids[i] then
          redis.call('HDEL', KEYS[base + 3], field)
        elseif not names then
          loose[#loose + 1] = field
          loose[#loose + 1] = ids[i]
        end
      end
    end
  end
end
`;
