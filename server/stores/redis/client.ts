import { Cluster, Redis } from 'ioredis';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { disarm, guard, hush } from './ioredis-faults.ts';
import { LastingRedis } from './lasting-redis.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** One server, some nodes of a cluster, or the Sentinels who know which server it is. */
export type RedisPlace =
  | HostPort
  | { readonly path: string }
  | { readonly nodes: readonly HostPort[] }
  | {
      readonly sentinels: readonly HostPort[];
      readonly name: string;
      /** Of the Sentinels themselves. */
      readonly username?: string;
      readonly password?: string;
    };

/** As PEM. Certificates are verified, with whatever is given here. */
export interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/** Where Redis is, as the configuration gives it. */
export interface RedisAddress {
  readonly at: RedisPlace;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: false | RedisTls;
}

/** Of one server that is known. */
export interface OneRedisAddress extends RedisAddress {
  readonly at: HostPort | { readonly path: string };
}

/** Both run commands and scripts alike, as long as all keys of one have the same hash tag. */
export type RedisClient = Redis | Cluster;

const RETRY_MAX_MS = 1_000;

/**
 * A request cannot wait for a lost server, so every command fails fast. By default ioredis waits: 10.6 s for one SET in
 * 5.11 (73 s in 6.0), a server that hangs is never left at all, and a command that timed out is sent again later, over
 * newer data.
 */
export const FAIL_FAST: RedisOptions = {
  // commands given while offline would run when nobody waits for them any more
  enableOfflineQueue: false,
  // a command whose answer was lost may have run: only a commit knows how to ask for that
  autoResendUnfulfilledCommands: false,
  // the same for commands in flight while reconnecting: they fail at the first lost connection
  maxRetriesPerRequest: 0,
  // a server that hangs keeps TCP alive: only a clock notices
  commandTimeout: 250,
  // and such a connection is given up, so that a replacement behind the same name is found
  socketTimeout: 1_000,
  connectTimeout: 1_000,
  // a server that hangs does not answer a goodbye either: by default each attempt to leave it takes two seconds more
  disconnectTimeout: 250,
  // a server that loads its data says for how long, which may be minutes: look again soon
  maxLoadingRetryTime: 250,
  // middleboxes drop idle connections silently
  keepAlive: 10_000,
  // whoever made the client decides when it connects, with its listeners in place
  lazyConnect: true,
  // slower here: a commit is one command already
  enableAutoPipelining: false,
  retryStrategy: (attempt) => retryDelayMs(attempt, Math.random()),
  // after a failover the old master refuses writes over a connection that is perfectly healthy: leave it. 1 = reconnect
  // without sending the command again
  reconnectOnError: (error) => (error.message.includes('READONLY') ? 1 : false),
};

/** The client looks anew at who serves what. On top of {@link FAIL_FAST}, which is for each node. */
const CLUSTER_FAIL_FAST: ClusterOptions = {
  enableOfflineQueue: false,
  lazyConnect: true,
  // who is asked for the slots may hang: the next one is asked instead, and until then nobody learns of a new master
  slotsRefreshTimeout: 300,
  // a command that was lost with its connection is sent again by the session, not here
  retryDelayOnFailover: 0,
  // refused at once: a request has 250 ms in all, a failover takes seconds
  retryDelayOnClusterDown: 0,
  // keys of a slot that is moving are whole again in no time
  retryDelayOnTryAgain: 50,
  // two nodes may send a command to and fro until they agree: not sixteen times
  maxRedirections: 4,
  // "not ready" would be judged once, by any one node; the breaker's probe asks for a write where it matters
  enableReadyCheck: false,
  // names stay names: certificates are for them, and behind a name there may be another address next time
  dnsLookup: (name, done) => {
    done(null, name);
  },
  clusterRetryStrategy: (attempt) => retryDelayMs(attempt, Math.random()),
  // A node that restarts is found at once. But one that stays away is given up: if that is all of them, the configured
  // nodes are asked again, and they may lead to others. With retries for ever that never happens.
  clusterNodeRetryStrategy: (attempt) => (attempt <= NODE_RETRIES ? NODE_RETRY_MS : null),
};

const NODE_RETRY_MS = 200;
const NODE_RETRIES = 5;
const SLOTS_REFRESH_MS = 1_000;
const SLOTS_REFRESH_SOON_MS = 200;
const DISTURBED_MS = 10_000;
/** Event of a cluster's client: somebody was not served. */
const DISTURBED = 'disturbed';

/** Never gives up, never waits longer than a second, and not in step with all others. */
export function retryDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, 50 * 2 ** Math.min(attempt - 1, 10));
  return Math.round(ceiling * (0.5 + random / 2));
}

/**
 * @param onError every connection error, as its bare message: the error objects of ioredis may carry the command's
 *   arguments, and those are the session
 */
export function createRedisClient(address: OneRedisAddress, onError: (message: string) => void): Redis;
export function createRedisClient(address: RedisAddress, onError: (message: string) => void): RedisClient;
export function createRedisClient(address: RedisAddress, onError: (message: string) => void): RedisClient {
  const { at } = address;
  if ('nodes' in at) return createCluster(at.nodes, toOptions(address), onError);
  const client = new LastingRedis({ ...toOptions(address), ...toPlace(address) });
  listen(client, onError);
  if ('sentinels' in at) hush(client);
  return client;
}

/**
 * A connection that only listens. It is not mended when it is lost: whoever made it makes another, which may lead to
 * another node. Of a cluster any node will do, for messages go to all of them.
 *
 * @param beside the cluster's client, who knows nodes that the configuration does not name
 */
export function createRedisSubscriber(address: RedisAddress, beside: RedisClient): Redis {
  const { at } = address;
  const place = 'nodes' in at ? { ...anyNode(at.nodes, beside), db: 0 } : toPlace(address);
  const subscriber = new Redis({
    ...toOptions(address),
    ...place,
    // nothing is answered for as long as nobody publishes: its PINGs have a clock of their own
    commandTimeout: undefined,
    socketTimeout: undefined,
    autoResubscribe: false,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
  });
  // without a listener ioredis prints every failed attempt to the console; the store's own connection tells it already
  subscriber.on('error', () => undefined);
  guard(subscriber);
  if ('sentinels' in at) hush(subscriber);
  return subscriber;
}

function toOptions({ username, password, db, tls }: RedisAddress): RedisOptions {
  return {
    ...FAIL_FAST,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== false && { tls: { ...tls } }),
  };
}

function toPlace({ at, tls }: RedisAddress): RedisOptions {
  if ('nodes' in at) throw new TypeError('a cluster is no one place');
  if (!('sentinels' in at)) return at;
  return {
    sentinels: at.sentinels.map((sentinel) => ({ ...sentinel })),
    name: at.name,
    role: 'master',
    ...(at.username !== undefined && { sentinelUsername: at.username }),
    ...(at.password !== undefined && { sentinelPassword: at.password }),
    ...(tls !== false && { sentinelTLS: { ...tls }, enableTLSForSentinelMode: true }),
    // a Sentinel that hangs: the next one is asked
    sentinelCommandTimeout: 250,
    sentinelRetryStrategy: (attempt) => retryDelayMs(attempt, Math.random()),
    // A master that was cut off takes writes that nobody will see again. The Sentinels on our side tell of the new one.
    failoverDetector: true,
    sentinelReconnectStrategy: (attempt) => retryDelayMs(attempt, Math.random()),
  };
}

function createCluster(
  nodes: readonly HostPort[],
  redisOptions: RedisOptions,
  onError: (message: string) => void,
): Cluster {
  const startNodes = nodes.map((node) => ({ ...node }));
  const cluster = new Cluster(startNodes, { ...CLUSTER_FAIL_FAST, redisOptions });
  cluster.on('+node', (node: Redis) => {
    guard(node);
    node.on('close', () => {
      disarm(node);
    });
    // who asks for the slots does so over a copy, and keeps to itself why that could not connect
    const duplicate = node.duplicate.bind(node);
    node.duplicate = (options) => {
      const copy = duplicate(options);
      guard(copy);
      return copy.on('error', ({ message }: Error) => {
        onError(message);
      });
    };
  });
  const tell = ({ message }: Error): void => {
    if (!FOLLOWS.test(message)) onError(message);
  };
  cluster.on('node error', tell);
  cluster.on('error', tell);
  // ioredis connects to a node when it has the first command for it, and refuses those that come before it is connected
  cluster.on('refresh', () => {
    for (const node of cluster.nodes('master'))
      if (node.status === 'wait') node.connect().catch(() => undefined);
  });
  refreshSlots(cluster);
  return cluster;
}

/**
 * Who serves what is asked now and then, and more often after one of them could not be reached: another may take its place.
 * Not by ioredis' own interval, which is always the same, and may start again after the end and keep the process alive.
 */
function refreshSlots(cluster: Cluster): void {
  let refreshedAt = 0;
  let disturbedAt = -DISTURBED_MS;
  for (const event of ['node error', DISTURBED])
    cluster.on(event, () => {
      disturbedAt = performance.now();
    });
  const timer = setInterval(() => {
    if (cluster.status === 'end') clearInterval(timer);
    if (cluster.status !== 'ready') return;
    const now = performance.now();
    if (now - disturbedAt > DISTURBED_MS && now - refreshedAt < SLOTS_REFRESH_MS) return;
    refreshedAt = now;
    cluster.refreshSlotsCache();
  }, SLOTS_REFRESH_SOON_MS).unref();
}

/** Of two clients of one cluster, whoever learns first of another master tells the other one. */
export function shareMasters(one: RedisClient, other: RedisClient): void {
  if (!(one instanceof Cluster && other instanceof Cluster) || one === other) return;
  for (const [first, second] of [
    [one, other],
    [other, one],
  ] as const) {
    let known = mastersOf(first);
    first.on('refresh', () => {
      const now = mastersOf(first);
      // only when it is news here: nodes that know less are asked, too
      if (now !== known && now !== mastersOf(second) && second.status === 'ready') second.refreshSlotsCache();
      known = now;
    });
  }
}

const mastersOf = (cluster: Cluster): string =>
  cluster
    .nodes('master')
    .map(({ options: { host, port } }) => `${host}:${port}`)
    .sort()
    .join();

/** Somebody was not served by a cluster: while that is so, who serves what is asked more often. */
export function disturbed(client: RedisClient): void {
  if (client instanceof Cluster) client.emit(DISTURBED);
}

function anyNode(nodes: readonly HostPort[], beside: RedisClient): HostPort {
  const known = beside instanceof Cluster ? beside.nodes().map(({ options }) => options) : [];
  const candidates = known.length > 0 ? known : nodes;
  const { host, port } = candidates[Math.floor(Math.random() * candidates.length)] ?? {};
  return { host: host ?? '127.0.0.1', port: port ?? 6379 };
}

function listen(client: Redis, onError: (message: string) => void): void {
  guard(client);
  // without a listener ioredis prints every failed attempt to the console
  client.on('error', ({ message }: Error) => {
    if (!FOLLOWS.test(message)) onError(message);
  });
  client.on('close', () => {
    disarm(client);
  });
}

/** What follows from an error that was told already says nothing of its cause. */
const FOLLOWS =
  /^(Connection is closed|Failed to refresh slots cache|Reached the max retries|(Ready check failed: )?(Connection is closed|Reached the max|Stream isn't writeable))/;
