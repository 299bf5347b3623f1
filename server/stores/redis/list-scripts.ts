/**
 * Lists from the indexes. Both answer: how many match, whether there are others behind these, then member, status time and
 * summary by turns. Nothing here walks over an index: it is asked for ranks.
 */

/** How many entries of sessions that have just expired one call passes over. */
const DEAD_MAX = 2_000;

/** Byte by byte: Lua's own `<` asks the locale, and members stand in the order of their bytes. */
export const BELOW = `
local function below(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
`;

/**
 * The reader's place is a score and a member, so it is found whether or not that task is still there: behind all with a
 * later score, and among those of its own score by bisection.
 *
 * KEYS  1 tasks, or those in a state
 * ARGV  1 what stands before a session id in its key · 2 how many at most · 3 status time from which, or -inf
 *       [· 4 status time · 5 member behind which to begin]
 */
export const LIST = `
${BELOW}
local I = KEYS[1]
local n = redis.call('ZCOUNT', I, ARGV[3], '+inf')
local from = 0
if ARGV[4] then
  from = redis.call('ZCOUNT', I, '(' .. ARGV[4], '+inf')
  local to = from + redis.call('ZCOUNT', I, ARGV[4], ARGV[4])
  while from < to do
    local mid = math.floor((from + to) / 2)
    if below(redis.call('ZREVRANGE', I, mid, mid)[1], ARGV[5]) then to = mid else from = mid + 1 end
  end
end
local r, gone, left = {n, 0}, 0, tonumber(ARGV[2])
while left > 0 and from < n and gone < ${DEAD_MAX} do
  local some = redis.call('ZREVRANGE', I, from, math.min(from + left, n) - 1, 'WITHSCORES')
  for i = 1, #some, 2 do
    local summary = redis.pcall('HGET', ARGV[1] .. string.match(some[i], '^[^.]*'), 't:' .. some[i])
    if type(summary) == 'string' then
      r[#r + 1] = some[i]
      r[#r + 1] = some[i + 1]
      r[#r + 1] = summary
      left = left - 1
    else
      gone = gone + 1
    end
  end
  from = from + #some / 2
end
r[1] = n - gone
if from < n then r[2] = 1 end
return r
`;

/**
 * The tasks of one session. Only as many as are asked for are ever sorted: of the others it is enough to know that they
 * come later.
 *
 * KEYS  1 session · 2 ids · 3 tasks, or those in a state
 * ARGV  1 session id · 2 how many at most · 3 status time from which, or -inf [· 4 status time · 5 member]
 */
export const LIST_SESSION = `
${BELOW}
if redis.pcall('HEXISTS', KEYS[1], 'v') ~= 1 then return {0, 0} end
local ids = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1] .. '.', '(' .. ARGV[1] .. '/')
local limit, since, after = tonumber(ARGV[2]), tonumber(ARGV[3]) or -math.huge, tonumber(ARGV[4])
local n, behind, best = 0, 0, {}
local function sort()
  table.sort(best, function(a, b)
    if a[1] ~= b[1] then return a[1] > b[1] end
    return a[2] > b[2]
  end)
  for i = #best, limit + 1, -1 do best[i] = nil end
end
for i = 1, #ids, 1000 do
  local some = {unpack(ids, i, math.min(#ids, i + 999))}
  local scores = redis.call('ZMSCORE', KEYS[3], unpack(some))
  for j = 1, #some do
    local score = scores[j] and tonumber(scores[j])
    if score and score >= since then
      n = n + 1
      if not after or score < after or (score == after and below(some[j], ARGV[5])) then
        behind = behind + 1
        best[#best + 1] = {score, i + j - 1, scores[j]}
        if #best >= 2 * limit + 100 then sort() end
      end
    end
  end
end
sort()
local r = {n, behind > limit and 1 or 0}
for i = 1, #best do
  local id = ids[best[i][2]]
  r[#r + 1] = id
  r[#r + 1] = best[i][3]
  r[#r + 1] = redis.call('HGET', KEYS[1], 't:' .. id) or ''
end
return r
`;

/**
 * A page of sessions, those first whose time is over first: one that is renewed meanwhile is seen again, not missed. As many
 * are looked at as are asked for, whether they are still there or not.
 *
 * KEYS  1 sessions
 * ARGV  1 what stands before a session id in its key · 2 how many [· 3 expiry · 4 session id behind which to begin]
 * Answers session id, expiry, PTTL, head and bytes by turns; PTTL -2 = it is gone; what cannot be read is ''.
 */
export const LIST_SESSIONS = `
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
  local key = ARGV[1] .. r[i]
  local h = redis.pcall('HMGET', key, 'v', 'b', 'd')
  answer[#answer + 1] = r[i]
  answer[#answer + 1] = r[i + 1]
  answer[#answer + 1] = h[3] and -2 or redis.call('PTTL', key)
  answer[#answer + 1] = h[1] or ''
  answer[#answer + 1] = h[2] or ''
end
return answer
`;
