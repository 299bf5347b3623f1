import type { Bytes, DurationMs } from '../protocol/units.ts';
import { type Bounds, checkBounds, toBounds } from './config-bounds.ts';
import type { CardText } from './config-card.ts';
import {
  readApiKeys,
  readCard,
  readEncryptionKeys,
  readNamedFile,
  readPublicKeys,
  readSigningKey,
  readTiers,
} from './config-files.ts';
import { chooseJwt, type JwtConfig } from './config-jwt.ts';
import type { Complain, Variable } from './config-kinds.ts';
import { ADDRESS_NAMES, parseRedisAddress, type RedisAddress } from './config-redis.ts';
import { checkTiers, type Tiers } from './config-tiers.ts';
import { type Values, type VariableName, VARIABLES } from './config-variables.ts';

export type StoreConfig =
  | { readonly kind: 'redis'; readonly redis: RedisAddress }
  | { readonly kind: 'lmdb'; readonly dataDir: string; readonly sync: boolean }
  | { readonly kind: 'memory' };

export type LogLevel = Values['LOG_LEVEL'];

/** What the operator decided. Built once at start, frozen, trusted everywhere else. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Processes that share the port. The command forks them; a program that calls `createServer` has one server. */
  readonly workers: number;
  /** URL of the endpoint as clients reach it. */
  readonly publicUrl?: string;
  /** Web origins that may call; `*` is any. */
  readonly corsOrigins: readonly string[];
  readonly card: 'merged' | 'v1' | 'v03';
  /** What the card says of the agent, as the operator wrote it. */
  readonly cardText?: CardText;
  /** Path of a private key. */
  readonly cardSigningKeyFile?: string;
  /** Path. Without it and `jwt` calls need no credentials. */
  readonly apiKeysFile?: string;
  /** Path. Without it the audit stream goes where the log goes. */
  readonly auditFile?: string;
  /** How bearer tokens are verified; absent: there are none. */
  readonly jwt?: JwtConfig;
  /** Absent: there are no rates and no quotas. */
  readonly tiers?: Tiers;
  readonly bounds: Bounds;
  readonly lenientVersion: boolean;
  /** Module of the agent; absent: the demo agent. */
  readonly agent?: string;
  readonly agentFormat: Values['A2A_AGENT_FORMAT'];
  readonly store: StoreConfig;
  /** Absent: what waits for the store is in memory alone. */
  readonly outageJournal?: { readonly folder: string; readonly sync: boolean };
  /** Absent: what is stored is plain. */
  readonly encryption?: { readonly keysFile: string; readonly required: boolean };
  /** Absent: nothing is compressed. */
  readonly compressAboveBytes?: Bytes;
  readonly keyPrefix: string;
  readonly tenantBuckets: number;
  /** Who shares sessions and tasks. */
  readonly scope: 'tenant' | 'subject';
  readonly sessionTtlMs: DurationMs;
  readonly sessionTtlRefresh: 'write' | 'access' | 'fixed';
  readonly cacheMaxSessions: number;
  readonly cacheMaxBytes: Bytes;
  /** Other than Redis always `exclusive`. */
  readonly cacheCoherence: 'shared' | 'exclusive';
  readonly idempotency: 'unanswered' | 'strict' | 'off';
  readonly idempotencyWindowMs: DurationMs;
  /** Time after the end of a task in which nothing of it is compacted. */
  readonly resumeMs: DurationMs;
  readonly bodyMaxBytes: Bytes;
  readonly recordMaxBytes: Bytes;
  readonly sessionMaxBytes: Bytes;
  readonly sessionMaxRecords: number;
  readonly pendingMaxBytes: Bytes;
  readonly pendingMaxRecords: number;
  readonly blockingTimeoutMs: DurationMs;
  readonly taskTimeoutMs: DurationMs;
  readonly cancelGraceMs: DurationMs;
  readonly maxResumes: number;
  readonly sseHeartbeatMs: DurationMs;
  readonly sseStallMs: DurationMs;
  /** Origins that webhooks may be at, whatever their address. */
  readonly pushAllow: readonly string[];
  readonly pushMaxTries: number;
  readonly pushTimeoutMs: DurationMs;
  readonly drainMs: DurationMs;
  readonly deadMs: DurationMs;
  /** Whose requests and sessions are also counted apart. */
  readonly metricsTenants: readonly string[];
  readonly logLevel: LogLevel;
}

/** The environment is not usable. `message` lists every problem and is meant for the operator's terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** `NAME: must …, got …`. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const NAMES = Object.keys(VARIABLES) as VariableName[];

/**
 * Environment -> Config. An empty variable counts as not set. Files that it names are read, relative to the working
 * directory; only their paths are kept of those that hold secrets.
 *
 * @throws {ConfigError} that names every problem at once
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const complain: Complain = (name, problem, value) => {
    problems.push(`${name}: ${problem}${value === undefined ? '' : `, got ${shown(value)}`}`);
  };
  const values = readValues(env, complain);
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('A2A_') || !env[name] || Object.hasOwn(VARIABLES, name)) continue;
    const near = nearest(name);
    complain(name, `does nothing in this version${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  if (values.A2A_MAX_RECORD_BYTES > values.A2A_MAX_SESSION_BYTES) {
    complain(
      'A2A_MAX_RECORD_BYTES',
      `must be at most A2A_MAX_SESSION_BYTES, which is ${values.A2A_MAX_SESSION_BYTES}`,
      String(values.A2A_MAX_RECORD_BYTES),
    );
  }
  if (values.A2A_WORKERS > 1 && values.A2A_CACHE_COHERENCE === 'exclusive') {
    complain(
      'A2A_WORKERS',
      'must be 1 while A2A_CACHE_COHERENCE is exclusive, because workers share the Redis',
      String(values.A2A_WORKERS),
    );
  }
  const cardText = readNamedFile('A2A_CARD_FILE', values, complain, readCard);
  readNamedFile('A2A_CARD_SIGNING_KEY_FILE', values, complain, readSigningKey);
  readNamedFile('A2A_API_KEYS_FILE', values, complain, readApiKeys);
  readNamedFile('A2A_JWT_JWKS_FILE', values, complain, readPublicKeys);
  const tiers = readNamedFile('A2A_TIERS_FILE', values, complain, readTiers);
  checkTiers(tiers, values.A2A_TENANT_BUCKETS, complain);
  checkBounds(values, complain);
  // What is missing beside a value that is wrong is not to be told.
  const jwt = problems.some((problem) => problem.startsWith('A2A_JWT_JWKS_'))
    ? undefined
    : chooseJwt(values, complain);
  const hasCredentials = [values.A2A_API_KEYS_FILE, values.A2A_JWT_JWKS_FILE, values.A2A_JWT_JWKS_URL];
  if (values.A2A_SCOPE === 'subject' && hasCredentials.every((named) => named === undefined))
    complain('A2A_SCOPE', 'must be tenant without credentials, because everybody is the same subject');
  const store = chooseStore(values, complain);
  if (values.A2A_OUTAGE_JOURNAL_DIR !== undefined && store !== undefined && store.kind !== 'redis')
    complain('A2A_OUTAGE_JOURNAL_DIR', `is for Redis only: the ${store.kind} store is never away`);
  if (values.A2A_WORKERS > 1 && store !== undefined && store.kind !== 'redis') {
    complain(
      'A2A_WORKERS',
      `must be 1 with the ${store.kind} store, which one process has to itself: set ${ADDRESS_NAMES.join(' or ')}`,
      String(values.A2A_WORKERS),
    );
  }
  readNamedFile('A2A_ENCRYPTION_KEYS_FILE', values, complain, readEncryptionKeys);
  if (values.A2A_ENCRYPTION_REQUIRED && values.A2A_ENCRYPTION_KEYS_FILE === undefined)
    complain('A2A_ENCRYPTION_REQUIRED', 'must not be true without A2A_ENCRYPTION_KEYS_FILE');
  if (problems.length > 0 || store === undefined) throw new ConfigError(problems);
  return deepFreeze({
    ...toConfig(values, store),
    ...(cardText === undefined ? {} : { cardText }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(tiers === undefined ? {} : { tiers }),
  });
}

function readValues(env: Readonly<Record<string, string | undefined>>, complain: Complain): Values {
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of NAMES) {
    const { schema, fallback, secret } = VARIABLES[name] as Variable<unknown>;
    const raw = env[name];
    values[name] = fallback;
    if (raw === undefined || raw === '') continue;
    const parsed = schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else complain(name, parsed.error.issues[0]?.message ?? 'must be valid', secret ? undefined : raw);
  }
  // Each value came from its own row's schema or fallback, which is what `Values` says.
  return values as Values;
}

/** As an operator recognises it: short, printable, and without the credentials of a URL. */
function shown(value: string): string {
  const masked = value.replace(/\/\/.*@/, '//***@');
  const short = masked.length > 60 ? `${masked.slice(0, 60)}…` : masked;
  return /^[\w.:/+@*-]+$/.test(short) ? short : JSON.stringify(short);
}

function chooseStore(values: Values, complain: Complain): StoreConfig | undefined {
  const hasAddress = ADDRESS_NAMES.some((name) => values[name] !== undefined);
  const kind =
    values.A2A_STORE !== 'auto' ? values.A2A_STORE : hasAddress && values.REDIS_ENABLED ? 'redis' : 'lmdb';
  if (kind === 'memory') return { kind };
  if (kind === 'lmdb') return { kind, dataDir: values.A2A_DATA_DIR, sync: values.A2A_LMDB_SYNC };
  if (!hasAddress) {
    complain('A2A_STORE', `must not be redis without an address: set ${ADDRESS_NAMES.join(' or ')}`);
    return undefined;
  }
  const redis = parseRedisAddress(values, complain);
  return redis && { kind, redis };
}

function toConfig(values: Values, store: StoreConfig): Config {
  const { A2A_PUBLIC_URL: publicUrl, A2A_AGENT: agent } = values;
  const { A2A_OUTAGE_JOURNAL_DIR: folder, A2A_LMDB_SYNC: sync } = values;
  const { A2A_ENCRYPTION_KEYS_FILE: keysFile, A2A_ENCRYPTION_REQUIRED: required } = values;
  const { A2A_COMPRESS_ABOVE_BYTES: compressAboveBytes } = values;
  const { A2A_CARD_SIGNING_KEY_FILE: cardSigningKeyFile, A2A_API_KEYS_FILE: apiKeysFile } = values;
  return {
    port: values.PORT,
    host: values.HOST,
    workers: values.A2A_WORKERS,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    corsOrigins: values.A2A_CORS_ORIGINS,
    card: values.A2A_CARD,
    ...(cardSigningKeyFile === undefined ? {} : { cardSigningKeyFile }),
    ...(apiKeysFile === undefined ? {} : { apiKeysFile }),
    ...(values.A2A_AUDIT_FILE === undefined ? {} : { auditFile: values.A2A_AUDIT_FILE }),
    bounds: toBounds(values),
    lenientVersion: values.A2A_LENIENT_VERSION,
    ...(agent === undefined ? {} : { agent }),
    agentFormat: values.A2A_AGENT_FORMAT,
    store,
    ...(folder === undefined ? {} : { outageJournal: { folder, sync } }),
    ...(keysFile === undefined ? {} : { encryption: { keysFile, required } }),
    ...(compressAboveBytes === undefined ? {} : { compressAboveBytes }),
    keyPrefix: values.A2A_KEY_PREFIX,
    tenantBuckets: values.A2A_TENANT_BUCKETS,
    scope: values.A2A_SCOPE,
    sessionTtlMs: values.A2A_SESSION_TTL_SECONDS * 1000,
    sessionTtlRefresh: values.A2A_SESSION_TTL_REFRESH,
    cacheMaxSessions: values.A2A_CACHE_MAX_SESSIONS,
    cacheMaxBytes: values.A2A_CACHE_MAX_BYTES,
    cacheCoherence: store.kind === 'redis' ? values.A2A_CACHE_COHERENCE : 'exclusive',
    idempotency: values.A2A_IDEMPOTENCY,
    idempotencyWindowMs: values.A2A_IDEMPOTENCY_WINDOW_SECONDS * 1000,
    resumeMs: values.A2A_RESUME_SECONDS * 1000,
    bodyMaxBytes: values.A2A_MAX_BODY_BYTES,
    recordMaxBytes: values.A2A_MAX_RECORD_BYTES,
    sessionMaxBytes: values.A2A_MAX_SESSION_BYTES,
    sessionMaxRecords: values.A2A_MAX_SESSION_RECORDS,
    pendingMaxBytes: values.A2A_MAX_PENDING_BYTES,
    pendingMaxRecords: values.A2A_MAX_PENDING_RECORDS,
    blockingTimeoutMs: values.A2A_BLOCKING_TIMEOUT_SECONDS * 1000,
    taskTimeoutMs: values.A2A_TASK_TIMEOUT_SECONDS * 1000,
    cancelGraceMs: values.A2A_CANCEL_GRACE_SECONDS * 1000,
    maxResumes: values.A2A_MAX_RESUMES,
    sseHeartbeatMs: values.A2A_SSE_HEARTBEAT_SECONDS * 1000,
    sseStallMs: values.A2A_SSE_STALL_SECONDS * 1000,
    pushAllow: values.A2A_PUSH_ALLOW,
    pushMaxTries: values.A2A_PUSH_MAX_TRIES,
    pushTimeoutMs: values.A2A_PUSH_TIMEOUT_SECONDS * 1000,
    drainMs: values.A2A_DRAIN_SECONDS * 1000,
    deadMs: values.A2A_DEAD_SECONDS * 1000,
    metricsTenants: values.A2A_METRICS_TENANTS,
    logLevel: values.LOG_LEVEL,
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value))
    if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  return Object.freeze(value);
}

/** The known name that a misspelt one most likely meant; none when nothing is close. */
function nearest(name: string): string | undefined {
  const ranked = NAMES.map((known) => ({ known, distance: editDistance(name, known) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, name.length / 5) ? best.known : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
