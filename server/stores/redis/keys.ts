/**
 * The only place that builds Redis keys.
 *
 * `{tenant.bucket}` is a hash tag: a session and all that is written with it live in one Cluster slot, so that one
 * script can commit them together. Every id is percent-encoded, so no id can bring a separator, a brace or a glob.
 *
 * Where sessions are a subject's, `tenant` is a place (`server/security/space.ts`): each subject has a shelf of its own, in
 * the slots of its tenant.
 */
import { TASK_STATES } from '../../../protocol/task-state.ts';
import type { TaskState } from '../../../protocol/task-state.ts';
import { readSpace } from '../../security/space.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { aliasField } from '../encoded-ids.ts';
import { TaskRows } from './task-rows.ts';

/** Raised when what is under the keys changes in a way that an older release cannot read. */
const SCHEMA = '1';
const BUCKETS_MAX = 64;
/** Tenants, or their subjects, whose keys are kept at hand, about 1 kB for each bucket. */
const TENANTS_MAX = 1_000;

/** What one bucket of a tenant shares, or what a subject has there. */
export interface ShelfKeys {
  /** Everything on the shelf begins with this. */
  readonly base: string;
  /** zset: encoded session id -> expiry (ms, store time). */
  readonly sessions: string;
  /** zset: encoded task id -> status time. */
  readonly tasks: string;
  /**
   * zset, every score 0: the tasks of a session are a range of it. Also those taken out of the other indexes: by this one
   * a session that goes finds its aliases.
   */
  readonly ids: string;
  /** hash: alias -> encoded task id, and back. */
  readonly aliases: string;
  /** zset: encoded session id -> when its webhooks are due (ms, store time). */
  readonly outbox: string;
  /** What the shelves of all subjects of a tenant share, for its quotas; absent on the tenant's own. */
  readonly whole?: WholeKeys;
  readonly rows: TaskRows;
  /** zset: as `tasks`, the tasks in this state. */
  state(state: TaskState): string;
}

/** Of a tenant whose sessions are its subjects'. A member is that of the subject's own index behind `<subject>/`. */
export interface WholeKeys {
  /** Everything of the tenant begins with this. */
  readonly base: string;
  /** zset: encoded subject and session id -> expiry (ms, store time). */
  readonly sessions: string;
  /** zset, every score 0: encoded subject and id of the tasks that are submitted or working. */
  readonly running: string;
}

export interface SessionKeys {
  readonly shelf: ShelfKeys;
  /** Encoded session id: how the indexes know the session. */
  readonly member: string;
  /** hash: head, records, summaries. */
  readonly session: string;
}

export interface RedisKeys {
  /** zset: instance -> last beat. */
  readonly instances: string;
  /** zset: encoded tenant -> when it was last noted. */
  readonly tenants: string;
  /** Before an encoded instance in the key of the tenants that it noted; zset like {@link tenants}. */
  readonly running: string;
  /** zset: number of an order to erase -> the same. */
  readonly erasures: string;
  /** Before a number in the key of an order; hash: what it says, and who has carried it out. */
  readonly erasure: string;
  /** hash: what all instances must agree on. */
  readonly settings: string;
  /** Channel: the session was written. The scripts that write make it from the key of the session. */
  wakes(ref: SessionRef): string;
  /** Channel: the instance is asked to look at a session. */
  nudges(instance: string): string;
  /** text: how many requests of a tenant's callers of one tier there were in a window; expires with it. */
  readonly rate: (count: 'rate' | 'burst', tenant: string, tier: string) => string;
  session(ref: SessionRef): SessionKeys;
  /** The shelf where an alias lives: with several buckets not that of its session. */
  aliasShelf(tenant: string, subject: string, clientTaskId: string): ShelfKeys;
  shelves(tenant: string): readonly ShelfKeys[];
}

/** FNV-1a, 32 bits. Keys depend on it: it may never change. */
export function fnv1a(ascii: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < ascii.length; i += 1) {
    hash = Math.imul(hash ^ ascii.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** `TASK_STATE_INPUT_REQUIRED` -> `input-required`. */
export function stateName(state: TaskState): string {
  return state.slice('TASK_STATE_'.length).toLowerCase().replaceAll('_', '-');
}

/** @param isOnly whether it has all of what is in its place: else what a tenant has cannot be counted */
function createShelf(root: string, space: string, bucket: number, isOnly: boolean): ShelfKeys {
  const { tenant, subject } = readSpace(space);
  const tenantBase = `${root}{${encodeId(tenant)}.${String(bucket).padStart(2, '0')}}:`;
  const base = subject === undefined ? tenantBase : `${tenantBase}u:${encodeId(subject)}:`;
  const states = new Map(TASK_STATES.map((state) => [state, `${base}tasks:${stateName(state)}`]));
  const isPart = subject !== undefined && isOnly;
  return {
    base,
    ...(isPart && {
      whole: {
        base: tenantBase,
        sessions: `${tenantBase}sessions`,
        running: `${tenantBase}tasks:running`,
      },
    }),
    sessions: `${base}sessions`,
    tasks: `${base}tasks`,
    ids: `${base}tasks:ids`,
    aliases: `${base}aliases`,
    outbox: `${base}outbox`,
    rows: new TaskRows(),
    state: (state) => states.get(state) ?? `${base}tasks:${stateName(state)}`,
  };
}

/**
 * @param prefix first part of every key; without braces, which would move the hash tag
 * @param buckets over how many slots a tenant is spread
 */
export function createKeys(prefix: string, buckets: number): RedisKeys {
  if (prefix === '' || /[{}\s]/.test(prefix))
    throw new RangeError('a key prefix has no braces and no spaces');
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > BUCKETS_MAX) {
    throw new RangeError(`buckets must be 1 to ${BUCKETS_MAX}, got ${buckets}`);
  }
  const root = `${prefix}:${SCHEMA}:`;
  /** By tenant: every commit asks for one of a few. */
  const known = new Map<string, readonly ShelfKeys[]>();
  const shelves = (tenant: string): readonly ShelfKeys[] => {
    const found = known.get(tenant);
    if (found !== undefined) return found;
    const made = Array.from({ length: buckets }, (_, bucket) =>
      createShelf(root, tenant, bucket, buckets === 1),
    );
    if (known.size === TENANTS_MAX) known.clear();
    known.set(tenant, made);
    return made;
  };
  const shelfOf = (tenant: string, member: string): ShelfKeys => {
    const found = shelves(tenant)[buckets === 1 ? 0 : fnv1a(member) % buckets];
    if (found === undefined) throw new RangeError('a shelf has the number of its bucket');
    return found;
  };
  return {
    instances: `${root}{reg}:instances`,
    tenants: `${root}{reg}:tenants`,
    running: `${root}{reg}:running:`,
    erasures: `${root}{reg}:erasures`,
    erasure: `${root}{reg}:erasure:`,
    settings: `${root}{reg}:settings`,
    wakes: ({ tenant, sessionId }) => {
      const member = encodeId(sessionId);
      return `${shelfOf(tenant, member).base}w:${member}`;
    },
    nudges: (instance) => `${root}{reg}:i:${encodeId(instance)}`,
    rate: (count, tenant, tier) => `${root}{${encodeId(tenant)}.00}:${count}:${encodeId(tier)}`,
    session: ({ tenant, sessionId }) => {
      const member = encodeId(sessionId);
      const home = shelfOf(tenant, member);
      return { shelf: home, member, session: `${home.base}s:${member}` };
    },
    aliasShelf: (tenant, subject, clientTaskId) => shelfOf(tenant, aliasField(subject, clientTaskId)),
    shelves,
  };
}

/** Every index that may name a session, for the scripts that take one out of all of them. */
export function indexKeys(shelf: ShelfKeys): string[] {
  const states = TASK_STATES.map((state) => shelf.state(state));
  const { whole } = shelf;
  const shared = whole === undefined ? [] : [whole.sessions, whole.running];
  return [shelf.sessions, shelf.ids, shelf.aliases, shelf.tasks, ...states, shelf.outbox, ...shared];
}

/** As Redis calls the type of a session, or of an index of a shelf. */
export const typeOf = (key: string): string => (/:(aliases|s:[^:]*)$/.test(key) ? 'hash' : 'zset');
