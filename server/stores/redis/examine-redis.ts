import type { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import type { Finding } from '../finding.ts';
import type { RedisClient } from './client.ts';
import { findWarnings } from './redis-warnings.ts';

const OLDEST = [6, 2] as const;
const CLOCK_MAX_MS: DurationMs = 1_000;
const ROUND_TRIPS = 20;
/** A send makes two or three of them. */
const SLOW_MS: DurationMs = 5;
const MEMORY_MAX_SHARE = 0.8;
const HINT_MS: DurationMs = 1_000;
const TRIAL_TTL_MS: DurationMs = 5_000;
/** In no tenant's way. */
const TRIAL_TENANT = 'holdfast-doctor';

type Info = ReadonlyMap<string, string>;

/**
 * How a Redis is set up and how it serves. Writes one session of a tenant of its own, which is gone at once.
 *
 * @throws {Error} when it does not answer
 */
export async function examineRedis(
  client: RedisClient,
  store: SessionStore,
  now: () => EpochMs,
): Promise<Finding[]> {
  const masters: readonly Redis[] = 'nodes' in client ? client.nodes('master') : [client];
  const infos = await Promise.all(masters.map(infoOf));
  return [
    ...infos.flatMap((info) => [versionOf(info), roleOf(info), ...memoryOf(info), ...durabilityOf(info)]),
    ...(await policies(client)),
    ...(await flushingOf(masters)),
    await clockOf(masters[0] ?? (client as Redis), now),
    await latencyOf(masters[0] ?? (client as Redis)),
    await rightsOf(store),
    await hintsOf(store),
  ];
}

/** Empty where it may not be asked. */
async function infoOf(client: Redis): Promise<Info> {
  const text = await client.info().catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ReplyError') return '';
    throw error;
  });
  const lines = text.split('\r\n').map((line) => line.split(':'));
  return new Map(lines.map(([name = '', ...value]) => [name, value.join(':')]));
}

function versionOf(info: Info): Finding {
  const found = info.get('redis_version') ?? 'unknown';
  const [major = 0, minor = 0] = found.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  const check = 'version of Redis';
  if (found === 'unknown') return { check, level: 'warn', found, change: 'give the user the right +info' };
  return isOld
    ? { check, level: 'fail', found, change: 'Redis 6.2 or later is needed' }
    : { check, level: 'ok', found };
}

function roleOf(info: Info): Finding {
  const found = info.get('role') ?? 'unknown';
  return found === 'slave'
    ? { check: 'role', level: 'fail', found: 'replica', change: 'name the master, or set REDIS_SENTINELS' }
    : { check: 'role', level: 'ok', found };
}

function memoryOf(info: Info): Finding[] {
  const [used, max] = ['used_memory', 'maxmemory'].map((name) => Number(info.get(name) ?? 0));
  if (used === undefined || max === undefined || max === 0) return [];
  const percent = Math.round((100 * used) / max);
  const check = 'memory';
  const found = `${percent} % of maxmemory`;
  if (used / max < MEMORY_MAX_SHARE) return [{ check, level: 'ok', found }];
  return [
    { check, level: 'warn', found, change: 'raise maxmemory before it is full: then nothing is stored' },
  ];
}

function durabilityOf(info: Info): Finding[] {
  const failing = [
    ['aof_last_write_status', 'the append-only file cannot be written'],
    ['rdb_last_bgsave_status', 'the last snapshot failed'],
  ].filter(([name = '']) => (info.get(name) ?? 'ok') !== 'ok');
  return failing.map(([, found = '']) => ({
    check: 'disk of Redis',
    level: 'fail' as const,
    found,
    change: 'look into the log of Redis, and for room on its disk',
  }));
}

async function policies(client: RedisClient): Promise<Finding[]> {
  const warnings = await findWarnings(client);
  const of = (concern: 'evicts' | 'volatile', check: string, fine: string): Finding => {
    const warning = warnings.find((found) => found.concern === concern);
    if (warning === undefined) return { check, level: 'ok', found: fine };
    const [found = '', ...change] = warning.text.split(/(?<=\.) (?=Set )/);
    return { check, level: 'warn', found, change: change.join(' ') };
  };
  return [
    of('evicts', 'maxmemory-policy', 'no session is evicted'),
    of('volatile', 'persistence', 'appendonly is yes, or it may not be asked'),
  ];
}

/** Nothing where it may not be asked. */
async function flushingOf(masters: readonly Redis[]): Promise<Finding[]> {
  const settings = await Promise.all(
    masters.map((master) => master.config('GET', 'appendfsync').catch(ignoreRefusal)),
  );
  const isLeft = settings.some((setting) => Array.isArray(setting) && setting[1] === 'no');
  if (!isLeft) return [];
  const found =
    'appendfsync is no: a crash of its machine loses what it was sent in the last half a minute or so';
  return [{ check: 'appendfsync', level: 'warn', found, change: 'Set appendfsync to everysec or always.' }];
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof Error && error.name === 'ReplyError')) throw error;
}

async function clockOf(client: Redis, now: () => EpochMs): Promise<Finding> {
  const before = now();
  const [seconds, micros] = await client.time();
  const apart = Math.round(Number(seconds) * 1_000 + Number(micros) / 1_000 - (before + now()) / 2);
  const check = 'clocks';
  const found = `Redis is ${Math.abs(apart)} ms ${apart < 0 ? 'behind' : 'ahead of'} this machine`;
  return Math.abs(apart) <= CLOCK_MAX_MS
    ? { check, level: 'ok', found }
    : { check, level: 'warn', found, change: 'let both machines follow a time server' };
}

async function latencyOf(client: Redis): Promise<Finding> {
  const took: DurationMs[] = [];
  for (let i = 0; i < ROUND_TRIPS; i += 1) {
    const at = performance.now();
    await client.time();
    took.push(performance.now() - at);
  }
  took.sort((a, b) => a - b);
  const [median = 0, longest = 0] = [took[ROUND_TRIPS / 2], took.at(-1)];
  const found = `${median.toFixed(1)} ms for a round trip, ${longest.toFixed(1)} ms at most`;
  return median <= SLOW_MS
    ? { check: 'latency', level: 'ok', found }
    : {
        check: 'latency',
        level: 'warn',
        found,
        change: 'bring Redis nearer: a send waits for 2 or 3 of them',
      };
}

/** What a server does with a session, in a session of its own. */
async function rightsOf(store: SessionStore): Promise<Finding> {
  const check = 'rights';
  const ref = { tenant: TRIAL_TENANT, sessionId: randomBytes(9).toString('base64url') };
  const records = [{ seq: 1, json: '{"t":"created","at":0,"o":"doctor.1"}' }];
  const summary = '{"state":"TASK_STATE_COMPLETED","at":0,"by":"doctor.1"}';
  const task = { local: 't', state: 'TASK_STATE_COMPLETED', previous: null, statusAt: 0, summary } as const;
  try {
    const expected = { epoch: '', head: 0, w: '' };
    const expiry = { kind: 'slide', ttlMs: TRIAL_TTL_MS } as const;
    const create = {
      expected,
      createEpoch: 'doctor',
      instance: 'doctor',
      records,
      expiry,
      outboxInMs: 60_000,
    };
    const { outcome } = await store.commit(ref, { ...create, tasks: [task], aliases: [] });
    if (outcome !== 'ok') throw new Error(`a commit was answered ${outcome}`);
    if (!(await store.read(ref)).found) throw new Error('what was just written is not there');
    await store.markAnswered([{ ref, epoch: 'doctor', messages: [1] }]);
    await store.listTasks(ref.tenant, { limit: 1 });
    await store.listSessions(ref.tenant, { limit: 1 });
    await store.runningTasks(ref.tenant, 1);
    await store.instances();
    await store.remove(ref, 1);
    return { check, level: 'ok', found: 'a session was made, read, listed and deleted' };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { check, level: 'fail', found, change: remedyOf(found) };
  }
}

function remedyOf(found: string): string {
  if (/\bREADONLY\b/.test(found)) return 'name the master, or set REDIS_SENTINELS';
  if (/\b(OOM|MISCONF)\b/.test(found)) return 'make room: see the runbook, Redis is full';
  if (/\bNOREPLICAS\b/.test(found)) return 'bring the replicas back that min-replicas-to-write asks for';
  return 'give the user the rights of the runbook, The Redis user';
}

/** Without the rights to channels everything works, a second late. */
async function hintsOf(store: SessionStore): Promise<Finding> {
  const instance = `doctor-${randomBytes(6).toString('base64url')}`;
  const check = 'hints between instances';
  let hear = (): void => undefined;
  const heard = new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, HINT_MS, false);
    hear = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });
  const unwatch = await store.onNudge(instance, hear);
  try {
    await store.nudge(instance, { tenant: TRIAL_TENANT, sessionId: 's' }).catch(() => undefined);
    if (await heard) return { check, level: 'ok', found: 'a message came through' };
  } finally {
    unwatch();
  }
  const found = 'no message came through within 1 s';
  return {
    check,
    level: 'warn',
    found,
    change: 'give the user +publish +subscribe and the channels of the runbook',
  };
}
