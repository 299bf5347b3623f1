/** Texts that are told to a server in every place where a client or an agent may put content, and where they went. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { JsonObject } from '../../../protocol/units.ts';
import { createServer } from '../../../server/app.ts';
import { createDemoAgent } from '../../../server/agents/demo-agent.ts';
import { parseConfig } from '../../../server/config.ts';
import type { LocalServer } from '../../helpers/outage.ts';
import { LogLines } from '../../helpers/log-lines.ts';
import { call, V1 } from '../../helpers/rpc.ts';

/** Nobody listens there: webhooks stay waiting, with their credentials. */
export const NOWHERE = 'http://127.0.0.1:9';

/** A server in this process. Its agent asks back in words of its own when the message says so. */
export async function serve(env: Record<string, string>): Promise<LocalServer> {
  const logs = new LogLines();
  const demo = createDemoAgent();
  const config = parseConfig({ PORT: '0', A2A_DRAIN_SECONDS: '0', A2A_PUSH_ALLOW: NOWHERE, ...env });
  const server = await createServer(config, { logDestination: logs, agent: demo });
  const { url } = await server.listen();
  const stop = async (): Promise<void> => {
    await server.close();
  };
  return { url, logs, stop };
}

/** Each of a kind and with bits of its own, none of which says anything in base64 or hex. */
const secret = (kind: string): string => `planted ${kind} ${randomBytes(9).toString('hex')}`;

/** One conversation; each text that was planted with it. */
async function plantOne(url: string, n: number): Promise<string[]> {
  const texts: string[] = [];
  const plant = (kind: string): string => {
    const text = secret(kind);
    texts.push(text);
    return text;
  };
  const send = async (params: JsonObject): Promise<void> => {
    const { json } = await call(url, 'SendMessage', params, V1);
    expect(json.error, JSON.stringify(json)).to.equal(undefined);
  };
  const contextId = `planted-${n}`;
  const text = n % 2 === 0 ? plant('text, echoed as an artifact') : `state mood ${plant('agent state')}`;
  await send({
    message: {
      messageId: `m-${n}`,
      role: 'ROLE_USER',
      contextId,
      parts: [
        { text },
        { data: { deep: [{ er: plant('data') }] } },
        { raw: Buffer.from(plant('bytes')).toString('base64') },
      ],
      metadata: { note: plant('metadata of a message') },
    },
    metadata: { trace: plant('metadata of a request') },
    configuration: {
      taskPushNotificationConfig: {
        url: `${NOWHERE}/${plant('path').replaceAll(' ', '-')}`,
        token: plant('push token'),
        authentication: { scheme: 'Bearer', credentials: plant('credentials').replaceAll(' ', '-') },
      },
    },
  });
  // an agent's words in a status, which lists show as well
  await send({
    message: {
      messageId: `w-${n}`,
      role: 'ROLE_USER',
      contextId,
      parts: [{ text: `msg ${plant('reply')}` }],
    },
  });
  return texts.flatMap((planted) => [
    planted,
    planted.replaceAll(' ', '-'),
    Buffer.from(planted).toString('base64'),
  ]);
}

/** @returns every form in which a planted text would be found */
export async function plant(url: string, conversations: number): Promise<string[]> {
  const planted: string[] = [];
  for (let n = 0; n < conversations; n += 8) {
    const some = Array.from({ length: Math.min(8, conversations - n) }, (_, i) => plantOne(url, n + i));
    planted.push(...(await Promise.all(some)).flat());
  }
  return planted;
}

export const foundIn = (dump: string, texts: readonly string[]): string[] =>
  texts.filter((text) => dump.includes(text));

/** Every key, field, member and value, as `redis-cli` would show them. */
export async function dumpRedis(client: Redis): Promise<string> {
  const keys: string[] = [];
  let cursor = '0';
  do {
    const [next, some] = await client.scan(cursor, 'COUNT', 1_000);
    keys.push(...some);
    cursor = next;
  } while (cursor !== '0');
  const values = keys.map(async (key) => {
    const type = await client.type(key);
    if (type === 'hash') return [key, Object.entries(await client.hgetall(key))];
    if (type === 'zset') return [key, await client.zrange(key, 0, -1, 'WITHSCORES')];
    if (type === 'string') return [key, await client.get(key)];
    throw new Error(`${key} is a ${type}, which is not looked into`);
  });
  return JSON.stringify(await Promise.all(values));
}

/** Every byte of every file. */
export async function dumpFolder(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}
