import type { Redis } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import { createRedisClient, type RedisAddress, type RedisClient } from './client.ts';
import { isDatabaseRefused } from './ioredis-faults.ts';

/** Nobody waits for an operator's tool but the operator, and what it reads may be long. */
const COMMAND_MS: DurationMs = 10_000;

/** A client like the server's, whose commands may take their time. @param onError as for `createRedisClient` */
export function createPatientClient(address: RedisAddress, onError: (message: string) => void): RedisClient {
  const client = createRedisClient(address, onError);
  const patience = { commandTimeout: COMMAND_MS, socketTimeout: 2 * COMMAND_MS };
  if ('nodes' in client) client.on('+node', ({ options }: Redis) => void Object.assign(options, patience));
  else Object.assign(client.options, patience);
  return client;
}

/** When it can be sent commands. @param withinMs @throws {Error} with what was met last when it cannot by then */
export async function connectWithin(
  client: RedisClient,
  withinMs: DurationMs,
  lastError: () => string | undefined,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(lastError() ?? 'it does not answer'));
    }, withinMs);
    void untilReady(client).then(() => {
      clearTimeout(timer);
      resolve();
    });
    // No waiting mends a wrong password.
    client.on('error', (error: Error) => {
      if (!isDatabaseRefused(error) && !/\b(WRONGPASS|NOAUTH)\b/.test(error.message)) return;
      clearTimeout(timer);
      reject(new Error(error.message));
    });
    connect(client);
  });
}

const connect = (client: RedisClient | Redis): void => {
  // Why it fails is told by its events, and it goes on trying.
  if (client.status === 'wait') client.connect().catch(() => undefined);
};

/** Of a cluster each master: its client connects to one when it has a first command for it, and refuses that one. */
async function untilReady(client: RedisClient): Promise<void> {
  if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve));
  if (!('nodes' in client)) return;
  for (const node of client.nodes('master')) {
    connect(node);
    if (node.status !== 'ready') await new Promise((resolve) => node.once('ready', resolve));
  }
}
