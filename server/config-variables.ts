/**
 * Every environment variable, as data: parsing, the start-up report and docs/configuration.md all come from this table
 * (a test holds the page to it).
 */
import { z } from 'zod';
import {
  anyText,
  flag,
  isHost,
  isPublicUrl,
  NO_CONTROLS,
  oneOf,
  optional,
  origins,
  text,
  variable,
  webOrigins,
  whole,
} from './config-kinds.ts';
import { BOUNDS_VARIABLES } from './config-bounds.ts';
import { JWT_VARIABLES } from './config-jwt.ts';
import { METRICS_VARIABLES } from './config-metrics.ts';
import { REDIS_VARIABLES } from './config-redis-variables.ts';

const MIB = 1_048_576;

export const VARIABLES = {
  PORT: variable(whole(0, 65_535, 41_241), {
    unit: 'TCP port',
    effect: 'Where the server listens. 0 takes a free port; the log line `server_listening` says which.',
  }),
  HOST: variable(
    {
      default: '127.0.0.1',
      bounds: 'an IP address or host name',
      schema: z.string().refine(isHost, 'must be an IP address or a host name'),
      fallback: '127.0.0.1',
    },
    {
      unit: 'address',
      effect:
        'Which address the server listens on. On a loopback address, without credentials configured, only requests with a loopback `Host` (or that of A2A_PUBLIC_URL) are served.',
    },
  ),
  A2A_WORKERS: variable(whole(1, 64, 1), {
    unit: 'processes',
    effect:
      'How many processes serve the port, to use as many cores; each is an instance of its own. More than 1 needs Redis, and A2A_CACHE_COHERENCE must be `shared`.',
  }),
  ...BOUNDS_VARIABLES,
  ...REDIS_VARIABLES,
  REDIS_ENABLED: variable(flag(true), {
    unit: 'flag',
    effect: '`false` leaves the Redis variables unread when A2A_STORE is `auto`.',
  }),
  A2A_STORE: variable(oneOf('auto', 'redis', 'lmdb', 'memory'), {
    unit: 'name',
    effect:
      'Where sessions live. `auto` is Redis when REDIS_URL, REDIS_HOST, REDIS_CLUSTER_NODES or REDIS_SENTINELS is set, else LMDB. `memory` keeps nothing and is for tests. There is never a fall-back from one to another.',
  }),
  A2A_DATA_DIR: variable(text(NO_CONTROLS, 'a path', './data'), {
    unit: 'path',
    effect: 'Folder of the embedded store (LMDB). One process at a time.',
  }),
  A2A_OUTAGE_JOURNAL_DIR: variable(anyText, {
    unit: 'path',
    effect:
      'Folder in which what is acknowledged while Redis is away also survives the end of the process; the next start on it stores that. One process at a time; of several workers each has a folder of its own in it. Only with Redis; without it what waits is in memory alone.',
  }),
  A2A_LMDB_SYNC: variable(flag(false), {
    unit: 'flag',
    effect:
      'Answers wait until the disk has flushed: survives loss of power too, at the price of latency. Without it an acknowledged message survives `kill -9`.',
  }),
  A2A_ENCRYPTION_KEYS_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'JSON file with the keys that content is encrypted with where it is stored (AES-256-GCM): in Redis, LMDB and the outage journal. It is read again when it changes. Plain when not set.',
  }),
  A2A_ENCRYPTION_REQUIRED: variable(flag(false), {
    unit: 'flag',
    effect:
      'Plain records are taken for damaged, so that nobody who can write to the store can add any. Only with A2A_ENCRYPTION_KEYS_FILE, and once no session has plain records any more.',
  }),
  A2A_COMPRESS_ABOVE_BYTES: variable(optional<number>('128 to 67108864', whole(128, 64 * MIB, 128).schema), {
    unit: 'bytes',
    effect:
      'Records of more bytes are compressed where they are stored, if that makes them smaller. None when not set; what is compressed stays readable.',
  }),
  A2A_KEY_PREFIX: variable(text(/^[A-Za-z0-9_.:-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ . : -', 'a2a'), {
    unit: 'text',
    effect: 'What every key in Redis starts with.',
  }),
  A2A_TENANT_BUCKETS: variable(whole(1, 64, 1), {
    unit: 'buckets',
    effect:
      'Spreads one tenant over several Redis Cluster slots. Kept in the store; a start with another value is refused.',
  }),
  A2A_SCOPE: variable(oneOf('tenant', 'subject'), {
    unit: 'name',
    effect:
      'Who shares sessions and tasks: all callers of a tenant, or only those with the same subject. `subject` needs credentials. Kept in the store; a start with another value is refused.',
  }),
  A2A_SESSION_TTL_SECONDS: variable(whole(1, 31_536_000, 86_400), {
    unit: 'seconds',
    effect: 'Life of a session, in memory and in the store alike.',
  }),
  A2A_SESSION_TTL_REFRESH: variable(oneOf('write', 'access', 'fixed'), {
    unit: 'name',
    effect: 'What renews the life of a session: a write, any access, or nothing.',
  }),
  A2A_CACHE_MAX_SESSIONS: variable(whole(1, 10_000_000, 10_000), {
    unit: 'sessions',
    effect: 'Most sessions kept in memory; the least recently used one goes first.',
  }),
  A2A_CACHE_MAX_BYTES: variable(whole(MIB, 1_099_511_627_776, 256 * MIB), {
    unit: 'bytes',
    effect: 'Most bytes of sessions kept in memory.',
  }),
  A2A_CACHE_COHERENCE: variable(oneOf('shared', 'exclusive'), {
    unit: 'name',
    effect:
      '`exclusive` skips the catch-up read before a cached session is used: only when one instance alone uses the Redis. LMDB and memory are always exclusive.',
  }),
  A2A_AGENT: variable(anyText, {
    unit: 'module',
    effect: 'Path or package name of the agent; the demo agent when not set.',
  }),
  A2A_AGENT_FORMAT: variable(oneOf('auto', 'json', 'sdk-1', 'sdk-0.3'), {
    unit: 'name',
    effect:
      'How the agent reads messages and tasks: A2A 1.0 JSON, or as `@a2a-js/sdk` 1.x or 0.3 has them. `auto`: as the agent says of itself, else as the SDK has them that its module would import, else JSON.',
  }),
  A2A_PUBLIC_URL: variable(
    optional<string>(
      'an http or https URL',
      z.string().refine(isPublicUrl, 'must be an http or https URL without credentials, query and fragment'),
    ),
    {
      unit: 'URL',
      effect:
        'URL of the endpoint as clients reach it, said in the agent card. Without it: bind address and real port.',
    },
  ),
  A2A_CARD: variable(oneOf('merged', 'v1', 'v03'), {
    unit: 'name',
    effect:
      'Which agent card is served: one that all client generations read, or that of one version for strict readers.',
  }),
  A2A_CARD_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'JSON file with what the agent card says of the agent: name, description, skills, media types, extensions, an extended card. What runs decides the rest.',
  }),
  A2A_CARD_SIGNING_KEY_FILE: variable(anyText, {
    unit: 'path',
    effect: 'Private key (JWK or PEM) that agent cards are signed with. Not signed when not set.',
  }),
  A2A_API_KEYS_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'JSON file with hashes of API keys and whom each speaks for. With it every call needs a credential; it is read again when it changes. `holdfast keys` writes it.',
  }),
  A2A_AUDIT_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'File to which the audit stream is appended, one line of JSON for each event, made with mode 0600. It may be renamed while the server runs. Without it the lines go to stdout, with `"stream":"audit"`.',
  }),
  ...JWT_VARIABLES,
  A2A_CORS_ORIGINS: variable(origins, {
    unit: 'origins',
    effect: 'Web origins that may call the server from a browser. None by default.',
  }),
  A2A_LENIENT_VERSION: variable(flag(false), {
    unit: 'flag',
    effect: 'Serves 1.0 methods that come without an `A2A-Version` header as 1.0 instead of refusing them.',
  }),
  A2A_IDEMPOTENCY: variable(oneOf('unanswered', 'strict', 'off'), {
    unit: 'name',
    effect:
      '`unanswered`: a repeated send whose answer was never delivered gets the first task. `strict`: so does one that was answered, for A2A_IDEMPOTENCY_WINDOW_SECONDS. `off`: every send is a new one. A call with an `Idempotency-Key` header is always `strict`.',
  }),
  A2A_IDEMPOTENCY_WINDOW_SECONDS: variable(whole(1, 86_400, 600), {
    unit: 'seconds',
    effect:
      'How long after it was sent an answered message is still taken for the same one when it is sent again, where `strict` is asked for.',
  }),
  A2A_RESUME_SECONDS: variable(whole(1, 86_400, 600), {
    unit: 'seconds',
    effect:
      'How long after the end of a task its stream can be resumed event by event. After that its chunks may be merged into whole artifacts, and a resumed stream starts from a snapshot.',
  }),
  A2A_MAX_BODY_BYTES: variable(whole(1024, 64 * MIB, 4 * MIB), {
    unit: 'bytes',
    effect: 'Largest request body; a larger one is answered 413.',
  }),
  A2A_MAX_RECORD_BYTES: variable(whole(1024, 64 * MIB, 4 * MIB), {
    unit: 'bytes',
    effect: 'Largest single record: a message, a status, an artifact chunk. Not above A2A_MAX_SESSION_BYTES.',
  }),
  A2A_MAX_SESSION_BYTES: variable(whole(1024, 1024 * MIB, 16 * MIB), {
    unit: 'bytes',
    effect: 'Largest session; what would exceed it is refused.',
  }),
  A2A_MAX_SESSION_RECORDS: variable(whole(1, 10_000_000, 100_000), {
    unit: 'records',
    effect: 'Most records of one session.',
  }),
  A2A_MAX_PENDING_BYTES: variable(whole(1024, 1024 * 1024 * MIB, 64 * MIB), {
    unit: 'bytes',
    effect: 'Most bytes that may wait in memory while the store is away; new work is then refused with 503.',
  }),
  A2A_MAX_PENDING_RECORDS: variable(whole(1, 100_000_000, 100_000), {
    unit: 'records',
    effect: 'Most records that may wait in memory while the store is away.',
  }),
  A2A_BLOCKING_TIMEOUT_SECONDS: variable(whole(1, 3600, 60), {
    unit: 'seconds',
    effect: 'Longest a blocking send waits; the answer is then the task as it stands.',
  }),
  A2A_TASK_TIMEOUT_SECONDS: variable(whole(1, 604_800, 3600), {
    unit: 'seconds',
    effect: 'Longest an agent may work on one message; the task then fails.',
  }),
  A2A_CANCEL_GRACE_SECONDS: variable(whole(0, 300, 5), {
    unit: 'seconds',
    effect: 'How long an agent may take to confirm a cancel before the task is settled without it.',
  }),
  A2A_MAX_RESUMES: variable(whole(0, 100, 3), {
    unit: 'times',
    effect:
      'How often a message that a resumable agent works on is begun again because its instance died; then its task fails.',
  }),
  A2A_SSE_HEARTBEAT_SECONDS: variable(whole(1, 300, 15), {
    unit: 'seconds',
    effect: 'After so much silence on a stream a comment is sent, so that proxies keep the connection.',
  }),
  A2A_SSE_STALL_SECONDS: variable(whole(1, 600, 30), {
    unit: 'seconds',
    effect:
      'How long the reader of a stream may take nothing before it is cut off; its last event id serves to come back.',
  }),
  A2A_DRAIN_SECONDS: variable(whole(0, 600, 10), {
    unit: 'seconds',
    effect: 'How long a stop waits for running requests and for records that are not stored yet.',
  }),
  A2A_DEAD_SECONDS: variable(whole(1, 3600, 10), {
    unit: 'seconds',
    effect: 'An instance without a heartbeat for this long is dead; its tasks are settled by others.',
  }),
  A2A_PUSH_ALLOW: variable(webOrigins, {
    unit: 'origins',
    effect:
      'Origins that webhooks may be at although they are private, local or plain http: for development, or for receivers of your own. All others must be https and resolve to public addresses.',
  }),
  A2A_PUSH_MAX_TRIES: variable(whole(1, 100, 10), {
    unit: 'attempts',
    effect: 'After so many failed attempts at one event a webhook is given up, until it is registered anew.',
  }),
  A2A_PUSH_TIMEOUT_SECONDS: variable(whole(1, 30, 10), {
    unit: 'seconds',
    effect: 'How long a webhook may take until it answers.',
  }),
  ...METRICS_VARIABLES,
  LOG_LEVEL: variable(oneOf('info', 'fatal', 'error', 'warn', 'debug', 'trace', 'silent'), {
    unit: 'name',
    effect: 'Least severe log line that is written.',
  }),
} as const;

export type VariableName = keyof typeof VARIABLES;
export type Values = { [K in VariableName]: (typeof VARIABLES)[K]['fallback'] };
