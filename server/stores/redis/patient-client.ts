import type { DurationMs } from '../../../protocol/units.ts';
import { createRedisClient, type RedisAddress, type RedisClient } from './client.ts';

/** Nobody waits for an operator's tool but the operator, and what it reads may be long. */
const COMMAND_MS: DurationMs = 10_000;

/** A client like the server's, whose commands may take their time. @param onError as for `createRedisClient` */
export function createPatientClient(address: RedisAddress, onError: (message: string) => void): RedisClient {
  const client = createRedisClient(address, onError);
  const patience = { commandTimeout: COMMAND_MS, socketTimeout: 2 * COMMAND_MS };
  if ('nodes' in client) client.on('+node', ({ options }) => Object.assign(options, patience));
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
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
    if (client.status === 'wait') client.connect().catch(() => undefined);
  });
}
