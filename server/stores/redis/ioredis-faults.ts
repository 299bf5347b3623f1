/** What has to be mended in ioredis 5.11, from outside. */
import type { Redis } from 'ioredis';
import type { Socket } from 'node:net';

interface Inside {
  socketTimeoutTimer: NodeJS.Timeout | undefined;
  connector: {
    stream?: Socket;
    connect: (...args: unknown[]) => Promise<Socket>;
    connectToSentinel: (...args: unknown[]) => Redis;
  };
}

const inside = (client: Redis): Inside => client as unknown as Inside;
const nothing = (): void => undefined;

/**
 * ioredis leaves the timer of `socketTimeout` armed when a connection ends by itself. Within a second it destroys the
 * next connection, however healthy: a short outage would be two, and what had just been sent would have an unknown
 * outcome. Until then the next connection has no timer of its own either.
 */
export function disarm(client: Redis): void {
  const armed = inside(client);
  clearTimeout(armed.socketTimeoutTimer);
  armed.socketTimeoutTimer = undefined;
}

/**
 * ioredis listens to the first error of a socket. TLS may have two, a lost connection and the reason for it, and an error
 * that nobody listens to ends the process.
 */
export function guard(client: Redis): void {
  const { connector } = inside(client);
  const connect = connector.connect.bind(connector);
  connector.connect = async (...args) => (await connect(...args)).on('error', nothing);
  // some are connecting already
  setImmediate(() => connector.stream?.on('error', nothing));
}

/**
 * ioredis goes on in database 0 where it may not use the one of the configuration: there is none of this number, or the
 * user lacks `+select`. Whatever is there would be read and written. A connection like that is left, before it is ready.
 */
export function insistOnDatabase(client: Redis): void {
  client.on('error', (error: Error) => {
    if (isDatabaseRefused(error)) client.disconnect(true);
  });
}

/** No waiting mends it. */
export function isDatabaseRefused(error: Error): boolean {
  const { command } = error as Error & { command?: { name?: string } };
  return error.name === 'ReplyError' && command?.name === 'select';
}

/** The connections on which it hears of failovers have no listener: each failed attempt would be on the console. */
export function hush(client: Redis): void {
  const { connector } = inside(client);
  const connect = connector.connectToSentinel.bind(connector);
  connector.connectToSentinel = (...args) => {
    const sentinel = connect(...args).on('error', nothing);
    guard(sentinel);
    return sentinel;
  };
}
