/**
 * What a commit does besides where its tenant has limits, or where its sessions are its subjects'. Pieces of the commit
 * scripts, which have a second form with them: a commit that is asked nothing of the kind pays nothing for them.
 *
 * A tenant whose sessions are its own is counted by the indexes that it has. Else its subjects have an index each, and
 * two others have what is in all of them: see `WholeKeys` in keys.ts.
 */
import type { DurationMs } from '../../../protocol/units.ts';
import type { TenantLimits } from '../../sessions/tenant-counts.ts';
import { PURGE_MEMBERS, STORE_TIME } from './script-parts.ts';

/**
 * Behind the words of every commit: the limits, '' where it is not asked; how many tasks it makes running; where in KEYS
 * the sessions of the tenant are, and its running tasks, in one key or in two (then the second is not 0).
 */
export const COUNTING_WORDS = ['max_sessions', 'max_running', 'more', 'all', 'busy', 'also_busy'] as const;

/** By how much the entry of a live session may be too early: what it says is over since then is counted. */
interface Slack {
  readonly entryEarlyMaxMs: DurationMs;
}

/** The subject, as members of the indexes of the whole tenant begin. */
const SUBJECT = `
all, busy, also_busy = tonumber(all), tonumber(busy), tonumber(also_busy)
local subject = all ~= 2 and string.match(string.sub(K, 1, place - 1), ':u:([^:]*):$') .. '/'
local sessions_now, running_now = '', ''
`;

/** Also how many entries are of sessions whose time is over: where there are some, it is worth to ask again without them. */
const refuse = (limit: keyof TenantLimits): string => `
  ${STORE_TIME}
  return {'refused', '${limit}', redis.call('ZCOUNT', KEYS[all], '-inf', now)}
`;

/** Nothing was written before this. */
const CHECK_RUNNING = `
if max_running ~= '' then
  running_now = redis.call('ZCARD', KEYS[busy]) + more
  if also_busy > 0 then running_now = running_now + redis.call('ZCARD', KEYS[also_busy]) end
  if running_now > tonumber(max_running) then ${refuse('maxRunningTasks')} end
end
`;

/** Needs \`now\`. */
const checkSessions = ({ entryEarlyMaxMs }: Slack): string => `
if max_sessions ~= '' then
  sessions_now = redis.call('ZCOUNT', KEYS[all], '(' .. (now - ${entryEarlyMaxMs}), '+inf') + 1
  if sessions_now > tonumber(max_sessions) then ${refuse('maxSessions')} end
end
`;

/** The pieces, by where they stand in a commit script. */
export interface Counting {
  readonly words: readonly string[];
  readonly append: string;
  readonly create: string;
  /** The entry of the session was moved, to `now + ttl`. */
  readonly moved: string;
  /** A task `id` has the state of KEYS[state]. */
  readonly task: string;
  /** A task `id` is none any more. */
  readonly noTask: string;
  readonly answer: string;
}

export const NOT_COUNTING: Counting = {
  words: [],
  append: '',
  create: '',
  moved: '',
  task: '',
  noTask: '',
  answer: 'return 1',
};

/** @param live Lua that gives the key, told as a Lua expression, a life when `Z` says that its first entry was made */
export const counting = (slack: Slack, live: (key: string) => string): Counting => ({
  words: COUNTING_WORDS,
  append: `${SUBJECT}${CHECK_RUNNING}`,
  create: `${SUBJECT}${STORE_TIME}${checkSessions(slack)}${CHECK_RUNNING}`,
  moved: `
if subject then
  local Z = redis.call('ZADD', KEYS[all], now + ttl, subject .. member)
  ${live('KEYS[all]')}
end
`,
  task: `
if subject then
  local name = KEYS[state]
  if string.find(name, ':tasks:submitted$') or string.find(name, ':tasks:working$') then
    Z = redis.call('ZADD', KEYS[busy], '0', subject .. id)
    ${live('KEYS[busy]')}
  else
    redis.call('ZREM', KEYS[busy], subject .. id)
  end
end
`,
  noTask: `if subject then redis.call('ZREM', KEYS[busy], subject .. id) end`,
  answer: `
if max_sessions == '' and max_running == '' then return 1 end
return {'ok', sessions_now, running_now}
`,
});

/**
 * Takes sessions whose time is over out of the indexes of a whole tenant; those of their subjects' shelves are left to
 * `RETIRE`.
 *
 * KEYS  1 sessions · 2 running tasks, of all subjects
 * ARGV  1 what stands before a subject in its keys · 2 how many at most · 3 life of an index key
 * Answers how many it took.
 */
export const RETIRE_WHOLE = `
${PURGE_MEMBERS}
${STORE_TIME}
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
local retired = 0
for i = 1, #due do
  local subject, session = string.match(due[i], '^([^/]*)/(.*)$')
  local left = redis.call('PTTL', ARGV[1] .. subject .. ':s:' .. session)
  if left == -2 then
    redis.call('ZREM', KEYS[1], due[i])
    purge_members(KEYS[2], due[i])
    retired = retired + 1
  else
    redis.call('ZADD', KEYS[1], now + (left == -1 and tonumber(ARGV[3]) or left), due[i])
  end
end
return retired
`;
