/** A redis and servers of each test, to take one away from the others; and what must be so when it is back. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { acknowledged, isCompleted, type Load, type Sent, slowest } from './load.ts';
import { type RedisOptions, type RedisServer, startRedis } from './redis.ts';
import { call, V1 } from './rpc.ts';
import { type LocalServer, type ServerProcess, useLocalServers, useServerProcesses } from './server.ts';
import { findFaults, readSessions, taskIds, userTexts } from './stored-sessions.ts';

/** A send is promised to take no longer, redis there or not; the tests allow twice that. */
export const SEND_MAX_MS = 2 * 600;
/** So long after redis accepts connections everything is stored; the tests allow twice that. */
export const STORED_WITHIN_MS = 2 * 4_000;

/** A request waits for redis 250 ms at most: what was answered sooner did not give up. */
const IN_TIME_MS = 200;

export type { LocalServer } from './server.ts';

export interface OutageFixture {
  readonly redis: RedisServer;
  readonly client: Redis;
  /** One more server on this redis, a process of its own; killed after the test. */
  serve(env?: Record<string, string>): Promise<ServerProcess>;
  /** The same in this process, which is begun sooner: where nobody kills it and nothing hangs on how quick it is. */
  serveHere(env?: Record<string, string>): Promise<LocalServer>;
}

/** Call it in a `describe`. By default redis survives being killed. */
export function useOutage(options: RedisOptions = { appendonly: true }): OutageFixture {
  const processes = useServerProcesses();
  let redis: RedisServer | undefined;
  let client: Redis | undefined;
  const startHere = useLocalServers();
  beforeEach(async () => {
    redis = await startRedis(options);
    client = redis.client();
  });
  afterEach(async () => {
    await redis?.stop();
  });
  const envOf = (env: Record<string, string>): Record<string, string> => ({
    ...running().env,
    LOG_LEVEL: 'info',
    ...env,
  });
  const running = (): RedisServer => {
    if (redis === undefined) throw new Error('redis runs only inside a test');
    return redis;
  };
  return {
    get redis() {
      return running();
    },
    get client() {
      if (client === undefined) throw new Error('redis runs only inside a test');
      return client;
    },
    async serve(env = {}) {
      return processes.start(envOf(env), running().folder);
    },
    serveHere: (env = {}) => startHere(envOf(env)),
  };
}

export interface Readyz {
  readonly httpStatus: number;
  readonly status: string;
  readonly reasons: readonly { readonly reason: string; readonly text: string; readonly runbook: string }[];
  readonly pending: { readonly records: number; readonly bytes: number; readonly kept?: boolean };
}

export async function readyz(url: string): Promise<Readyz> {
  const response = await fetch(new URL('/readyz', url));
  return { httpStatus: response.status, ...((await response.json()) as Omit<Readyz, 'httpStatus'>) };
}

export const isReady = async (url: string): Promise<boolean> => (await readyz(url)).status === 'ready';

/** Waits until nothing waits for the store any more. @returns how long that took */
export async function nothingPending(url: string, withinMs = STORED_WITHIN_MS): Promise<number> {
  const began = performance.now();
  await eventually(async () => {
    const { status, pending } = await readyz(url);
    return status === 'ready' && pending.records === 0 && pending.bytes === 0;
  }, withinMs);
  return performance.now() - began;
}

/**
 * Every send was answered with a completed task, in time.
 *
 * @param quietUntil moment before which nothing disturbed the server: how long sends took then, and how long all of the
 *   machine stood still, is no wait for redis and comes on top of what is promised
 */
export function expectAllAnswered({ sent, stallMs }: Load, quietUntil: number): void {
  const failed = sent.filter((one) => !isCompleted(one)).map(({ text, reply }) => `${text}: ${reply.text}`);
  expect(failed).to.deep.equal([]);
  const usualMs = slowest(sent.filter(({ endedAt }) => endedAt < quietUntil));
  const maxMs = SEND_MAX_MS + usualMs + stallMs;
  const late = sent.filter(({ beganAt, endedAt }) => endedAt - beganAt > maxMs);
  expect(late.map(({ text, beganAt, endedAt }) => `${text}: ${endedAt - beganAt} ms`)).to.deep.equal([]);
}

export const headersOf = (sent: readonly Sent[]): (string | null)[] => [
  ...new Set(sent.map(({ persistence }) => persistence)),
];

/** With redis there, only a machine that is too busy to store in time may defer anything. */
export function expectMostlyStored(sent: readonly Sent[]): void {
  if (slowest(sent) < IN_TIME_MS) expect(headersOf(sent)).to.deep.equal(['stored']);
  else expect(headersOf(sent)).to.include('stored');
}

/** Redis has every acknowledged message once, in order, each in a task of its own, and nothing half. */
export async function expectStored(client: Redis, sent: readonly Sent[]): Promise<void> {
  const stored = await readSessions(client);
  const expected = acknowledged(sent);
  const texts = new Map([...expected.keys()].map((id) => [id, userTextsOf(stored.get(id))]));
  expect(differences(texts, expected)).to.deep.equal([]);
  expect([...stored.keys()].filter((id) => !expected.has(id))).to.deep.equal([]);
  const surplus = [...stored.values()].filter(
    (session) =>
      taskIds(session).length !== (expected.get(decodeURIComponent(session.sessionId))?.length ?? 0),
  );
  expect(surplus.map(({ key }) => key)).to.deep.equal([]);
  expect(await findFaults(client, stored.values())).to.deep.equal([]);
}

const userTextsOf = (session: Parameters<typeof userTexts>[0] | undefined): string[] =>
  session === undefined ? [] : userTexts(session);

function differences(found: Map<string, string[]>, expected: Map<string, string[]>): string[] {
  return [...expected].flatMap(([id, texts]) => {
    const [has, wants] = [found.get(id)?.join(', '), texts.join(', ')];
    return has === wants ? [] : [`${id} has [${has ?? ''}] instead of [${wants}]`];
  });
}

/** The server says what Redis says: every task by `GetTask`, every session by `recall`, every longer one by `count`. */
export async function expectTold(url: string, sent: readonly Sent[]): Promise<void> {
  const answered = sent.filter(({ taskId }) => taskId !== '');
  const untold: string[] = [];
  await sideBySide(answered, async ({ taskId, text }) => {
    const { json } = await call(url, 'GetTask', { id: taskId }, V1);
    const shown = JSON.stringify(json.result ?? json.error);
    const isWhole =
      shown.includes('TASK_STATE_COMPLETED') &&
      shown.includes(`"echo: ${text}"`) &&
      shown.split(JSON.stringify(text)).length === 2;
    if (!isWhole) untold.push(`${text}: ${shown}`);
  });
  expect(untold).to.deep.equal([]);
  const expected = acknowledged(sent);
  const recalled = new Map<string, string[]>();
  await sideBySide([...expected], async ([sessionId, texts]) => {
    recalled.set(sessionId, (await ask(url, 'recall', sessionId)).split('\n'));
    const count = texts.length > 1 ? Number(await ask(url, 'count', sessionId)) : texts.length + 2;
    if (count !== texts.length + 2) untold.push(`${sessionId} counts ${count}`);
  });
  expect(differences(recalled, expected)).to.deep.equal([]);
  expect(untold).to.deep.equal([]);
}

let asked = 0;

/** What the demo agent answers to a text in a session. */
export async function ask(url: string, text: string, sessionId: string): Promise<string> {
  const message = {
    messageId: `ask-${++asked}`,
    role: 'ROLE_USER',
    contextId: sessionId,
    parts: [{ text }],
  };
  const { json } = await call(url, 'SendMessage', { message }, V1);
  const { task } = (json.result ?? {}) as { task?: { artifacts?: { parts: { text: string }[] }[] } };
  const said = task?.artifacts?.[0]?.parts[0]?.text;
  if (said === undefined) throw new Error(`no answer to ${text}: ${JSON.stringify(json)}`);
  return said;
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values();
  const worker = async (): Promise<void> => {
    for (const item of next) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
