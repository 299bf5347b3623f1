import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

/** One Redis server, as the configuration gives it. */
export interface RedisAddress {
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
}

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

/** Never gives up, never waits longer than a second, and not in step with all others. */
export function retryDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, 50 * 2 ** Math.min(attempt - 1, 10));
  return Math.round(ceiling * (0.5 + random / 2));
}

/**
 * @param onError every connection error, as its bare message: the error objects of ioredis may carry the command's
 *   arguments, and those are the session
 */
export function createRedisClient(address: RedisAddress, onError: (message: string) => void): Redis {
  const { at, username, password, db, tls } = address;
  const client = new Redis({
    ...FAIL_FAST,
    ...at,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  });
  // without a listener ioredis prints every failed attempt to the console
  client.on('error', (error: Error) => {
    onError(error.message);
  });
  client.on('close', () => {
    disarm(client);
  });
  return client;
}

/**
 * ioredis 5.11 leaves the timer of `socketTimeout` armed when a connection ends by itself. Within a second it destroys
 * the next connection, however healthy: a short outage would be two, and what had just been sent would have an unknown
 * outcome. Until then the next connection has no timer of its own either.
 */
function disarm(client: Redis): void {
  const armed = client as unknown as { socketTimeoutTimer: NodeJS.Timeout | undefined };
  clearTimeout(armed.socketTimeoutTimer);
  armed.socketTimeoutTimer = undefined;
}
