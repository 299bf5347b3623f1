/** The contract once more, with each tenant replaced by the place of one subject in it: see server/security/space.ts. */
import { expect } from 'chai';
import { readSpace, spaceOf } from '../../server/security/space.ts';
import { encodeId, type SessionRef } from '../../server/sessions/session-ref.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { useRedis } from '../helpers/redis.ts';
import { aliasOf, taskOf, Writer, type Harness } from './harness.ts';
import { lmdbHarness } from './lmdb-harness.ts';
import { memoryHarness } from './memory-harness.ts';
import { REDIS_OPTIONS, redisHarness } from './redis-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

/** Nothing in it may be taken for a part of a key. */
const SUBJECT = 'ann:u/{b}.c%1F*';

const spaceIn = (tenant: string): string => spaceOf('subject', { tenant, subject: SUBJECT });
const placed = (ref: SessionRef): SessionRef => ({ ...ref, tenant: spaceIn(ref.tenant) });
const left = (ref: SessionRef): SessionRef => ({ ...ref, tenant: readSpace(ref.tenant).tenant });
const isRef = (value: unknown): value is SessionRef =>
  typeof value === 'object' && value !== null && 'sessionId' in value && 'tenant' in value;

/** Those whose first argument is a tenant. */
const OF_TENANT = new Set([
  'listTasks',
  'listSessions',
  'runningTasks',
  'retire',
  'claimDue',
  'resolveAlias',
  'noteTenant',
]);

function argsOf(method: string, args: readonly unknown[]): unknown[] {
  const [first, ...rest] = args;
  if (OF_TENANT.has(method)) return [spaceIn(String(first)), ...rest];
  if (method === 'markAnswered')
    return [(first as { ref: SessionRef }[]).map((mark) => ({ ...mark, ref: placed(mark.ref) }))];
  if (method === 'onNudge') {
    const [listener] = rest as [(ref: SessionRef) => void];
    return [
      first,
      (ref: SessionRef) => {
        listener(left(ref));
      },
    ];
  }
  return args.map((arg) => (isRef(arg) ? placed(arg) : arg));
}

function placedStore(store: SessionStore): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = String(name);
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(value, target, argsOf(method, args));
        if (method !== 'tenants' && method !== 'tenantsOf') return answer;
        return (answer as Promise<string[]>).then((all) => all.map((space) => readSpace(space).tenant));
      };
    },
  });
}

/** @param name how the harness asks its store for a tenant */
function placedHarness(harness: Harness, name: (space: string) => string): Harness {
  const { damage } = harness;
  return {
    ...harness,
    store: placedStore(harness.store),
    other: async () => placedStore(await harness.other()),
    tasks: (tenant) => harness.tasks(name(spaceIn(tenant))),
    ...(damage && {
      damage: {
        record: (ref, n) => damage.record(placed(ref), n),
        head: (ref) => damage.head(placed(ref)),
      },
    }),
  };
}

describe('where sessions are a subject’s', () => {
  const redis = useRedis();

  for (const buckets of [1, 16]) {
    describeSessionStore(`redis, ${buckets} buckets`, {
      open: async () => {
        const client = createRedisClient(redis.server.address, () => undefined);
        await client.connect();
        const options = { ...REDIS_OPTIONS, buckets, prefix: redis.prefix };
        return placedHarness(redisHarness(client, redis.client, options), (space) => space);
      },
    });
  }
  describeSessionStore('lmdb', { open: async () => placedHarness(await lmdbHarness(false), encodeId) });
  describeSessionStore('memory', {
    open: () => Promise.resolve(placedHarness(memoryHarness(), encodeId)),
    cannot: { damage: 'nothing but the store itself can reach its memory' },
  });

  it('has room for the longest ids in a key of LMDB', async () => {
    const harness = await lmdbHarness(false);
    const [longest, subject] = ['.'.repeat(256), '.'.repeat(64)];
    const tenant = spaceOf('subject', { tenant: longest, subject });
    const ref = { tenant, sessionId: longest };
    const local = 'A'.repeat(22);
    try {
      const more = { tasks: [taskOf(local, 'TASK_STATE_AUTH_REQUIRED')], aliases: [aliasOf(longest, local)] };
      await new Writer(harness.store, ref).create(['1'], more);
      const { tasks } = await harness.store.listTasks(tenant, { limit: 1 });
      expect(tasks[0]).to.include({ sessionId: longest, local });
    } finally {
      await harness.close();
    }
  });
});
