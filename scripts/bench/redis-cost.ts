import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { bytesReceived, commandsDuring, costOf } from '../../tests/helpers/redis-traffic.ts';

export { bytesReceived, costOf };

/** Marks follow their answers, several at once, within this. */
const MARKS_WITHIN_MS = 120;

/**
 * What nobody waits for: the marks of answered messages, heartbeats, the hourly note of a tenant, what a start looks for,
 * and whether the connection for hints still lives.
 */
const BACKGROUND = ['beat', 'note_tenant', 'instances', 'tenants', 'zcount', 'running', 'ping', 'leave'];

/** Commands that the server sends while `work` is done, each of which is a round trip that the client waits for. */
export async function tripsDuring(client: Redis, work: () => Promise<void>): Promise<string[]> {
  const commands = await commandsDuring(client, work);
  return commands.filter((name) => !name.startsWith('mark') && !BACKGROUND.includes(name));
}

/** Until what follows an answer has been sent too, so that it is counted with what it belongs to. */
export const marksSent = (): Promise<void> => pause(MARKS_WITHIN_MS);
