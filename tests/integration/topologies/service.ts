/** A server in this process on a Redis of any kind, a load on it, and what must be true of both in the end. */
import { expect } from 'chai';
import { createServer, type HoldfastServer } from '../../../server/app.ts';
import { parseConfig } from '../../../server/config.ts';
import type { RedisClient } from '../../../server/stores/redis/client.ts';
import { createKeys } from '../../../server/stores/redis/keys.ts';
import { acknowledged, isCompleted, type Load, type Sent, slowest } from '../../helpers/load.ts';
import { LogLines } from '../../helpers/log-lines.ts';
import { SEND_MAX_MS } from '../../helpers/outage.ts';
import { readSession, userTexts } from '../../helpers/stored-sessions.ts';

export interface Service {
  readonly server: HoldfastServer;
  readonly url: string;
  readonly logs: LogLines;
}

/** Call it in a `describe`: what it starts is closed after each test. */
export function useServices(): (env: Record<string, string>) => Promise<Service> {
  const started: HoldfastServer[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.close()));
  });
  return async (env) => {
    const logs = new LogLines();
    const config = parseConfig({ PORT: '0', LOG_LEVEL: 'debug', A2A_DRAIN_SECONDS: '1', ...env });
    const server = await createServer(config, { logDestination: logs });
    started.push(server);
    const { url } = await server.listen();
    return { server, url, logs };
  };
}

/** Redis has every acknowledged message of each session exactly once, in order. */
export async function expectStoredOnce(
  client: RedisClient,
  sent: readonly Sent[],
  buckets = 1,
): Promise<void> {
  const keys = createKeys('a2a', buckets);
  const wrong: string[] = [];
  for (const [sessionId, texts] of acknowledged(sent)) {
    const { shelf, member } = keys.session({ tenant: 'default', sessionId });
    const stored = userTexts(await readSession(client, member, shelf.base)).join(', ');
    if (stored !== texts.join(', '))
      wrong.push(`${sessionId} has [${stored}] instead of [${texts.join(', ')}]`);
  }
  expect(wrong).to.deep.equal([]);
}

/**
 * Every send became a completed task, and none took longer than is promised, twice over.
 *
 * @param quietUntil moment before which nothing disturbed the server: how long sends took then comes on top, as does the
 *   time for which all of the machine stood still
 */
export function expectAnswered({ sent, stallMs }: Load, quietUntil: number): void {
  const failed = sent.filter((one) => !isCompleted(one)).map(({ text, reply }) => `${text}: ${reply.text}`);
  expect(failed).to.deep.equal([]);
  const usualMs = slowest(sent.filter(({ endedAt }) => endedAt < quietUntil));
  const slow = sent.filter(({ beganAt, endedAt }) => endedAt - beganAt > SEND_MAX_MS + usualMs + stallMs);
  expect(slow.map(({ text, beganAt, endedAt }) => `${text}: ${endedAt - beganAt} ms`)).to.deep.equal([]);
}
