/** A server with keys on a real Redis, somebody who has something there, and what others can do about it. */
import type { AgentExecutor } from '../../server/agents/agent-executor.ts';
import { createDemoAgent } from '../../server/agents/demo-agent.ts';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { DEMO_AGENT } from '../../server/build-about.ts';
import { parseConfig } from '../../server/config.ts';
import type { Scope } from '../../server/security/space.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import { connected, REDIS_OPTIONS } from '../contract/redis-harness.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile } from '../helpers/keys.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { useRedis } from '../helpers/redis.ts';
import { TEST_ENV } from '../helpers/server.ts';
import { AUDIENCE, ISSUER, jwksOf } from '../helpers/tokens.ts';
import type { Ask, Known } from './isolation-asks.ts';
import { type Caller, credentialOf, issuer, KEYS } from './isolation-callers.ts';
import { taskIn } from './said.ts';

/** Far more than any of them takes. */
const ASKED_WITHIN_MS = 4_000;

const VERSION: Readonly<Record<Dialect, Record<string, string>>> = {
  v1: { 'A2A-Version': '1.0' },
  v03: { 'A2A-Version': '0.3' },
  v01: {},
};

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface StoreCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What the server does by itself, and what is done for answers that are out already. */
const OWN_BUSINESS = new Set(
  ['beat', 'instances', 'leave', 'forget', 'noteTenant', 'tenants', 'tenantsOf', 'runningTasks'].concat(
    ...[['warnings', 'census', 'onNudge', 'shared', 'retire', 'claimDue', 'markAnswered', 'close', 'keyOf']],
  ),
);

function recorded(store: RedisSessionStore, calls: StoreCall[]): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const method = String(name);
        if (!OWN_BUSINESS.has(method)) calls.push({ method, args });
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** Answers `refer` with what it was given of the tasks that the message refers to. */
function createAgent(): AgentExecutor {
  const demo = createDemoAgent(Date.now);
  return {
    async execute(context, bus) {
      const [part] = context.userMessage.parts;
      if (part === undefined || !('text' in part) || part.text !== 'refer') return demo.execute(context, bus);
      const { taskId, contextId, referenceTasks, session } = context;
      const told = JSON.stringify([referenceTasks, session.messages.length]);
      const artifact = { artifactId: 'told', parts: [{ text: told }] };
      const status = { state: 'TASK_STATE_COMPLETED' as const, timestamp: new Date().toISOString() };
      bus.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact } });
      bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status } });
    },
  };
}

export class World {
  readonly calls: StoreCall[] = [];
  readonly #server: HoldfastServer;
  readonly #url: string;
  readonly #redis: ReturnType<typeof useRedis>;
  readonly #home: string;
  #made = 0;

  private constructor(server: HoldfastServer, url: string, redis: ReturnType<typeof useRedis>, home: string) {
    this.#server = server;
    this.#url = url;
    this.#redis = redis;
    this.#home = home;
  }

  static async start(
    scope: Scope,
    redis: ReturnType<typeof useRedis>,
    credentials: Readonly<Record<string, string>>,
  ): Promise<World> {
    const client = createRedisClient(redis.server.address, () => undefined);
    const store = new RedisSessionStore(client, { ...REDIS_OPTIONS, scope });
    await connected(client);
    const calls: StoreCall[] = [];
    const env = {
      ...TEST_ENV,
      A2A_STORE: 'redis',
      ...redis.server.env,
      A2A_SCOPE: scope,
      // each call from an address of its own: after twenty wrong keys from one it is told to wait, whatever it asks
      A2A_TRUST_PROXY_HOPS: '1',
      ...credentials,
      A2A_PUSH_ALLOW: 'https://hook.example',
    };
    const server = await createServer(parseConfig(env), {
      agent: createAgent(),
      store: recorded(store, calls),
      logDestination: new LogLines(),
      about: { ...DEMO_AGENT, extended: { description: 'For those who are known.' } },
    });
    const { url } = await server.listen();
    const home = scope === 'tenant' ? 'a2a:1:{acme.00}:' : 'a2a:1:{acme.00}:u:ann:';
    const world = new World(server, url, redis, home);
    (world as { calls: StoreCall[] }).calls = calls;
    return world;
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async ask(caller: Caller, ask: Omit<Ask, 'operation' | 'by' | 'foreign'>, known: Known): Promise<Reply> {
    const response = await fetch(this.#url, {
      method: 'POST',
      // a stream that tells what it must not may never come to the end that is waited for
      signal: AbortSignal.timeout(ASKED_WITHIN_MS),
      headers: {
        'Content-Type': 'application/json',
        ...VERSION[ask.dialect],
        ...credentialOf(caller),
        'X-Forwarded-For': nextAddress(),
        ...ask.headers(known),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: ask.method, params: ask.params(known) }),
    });
    const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true;
    const text = isStream ? await firstFrames(response) : await response.text();
    return { status: response.status, headers: response.headers, text };
  }

  async #own(method: string, params: JsonObject): Promise<JsonObject> {
    const ask = { dialect: 'v1', method, params: () => params, headers: () => ({}) } as const;
    const { text } = await this.ask('owner', ask, NOBODY);
    const { result } = JSON.parse(text) as { result?: JsonObject };
    if (result === undefined) throw new Error(`${method} was answered with ${text}`);
    return result;
  }

  /** The owner has a task that waits for more, with a webhook, and another one in the same conversation. */
  async own(): Promise<Known> {
    const contextId = `context-${++this.#made}`;
    const say = (messageId: string, text: string): JsonObject => ({
      message: { messageId, contextId, role: 'ROLE_USER', parts: [{ text }] },
    });
    await this.#own('SendMessage', say('m1', 'the secret of ann'));
    const { id: taskId } = taskIn(await this.#own('SendMessage', say('m2', 'input')));
    const hook = { taskId, id: 'hook', url: 'https://hook.example/' };
    await this.#own('CreateTaskPushNotificationConfig', hook);
    const list = await this.#own('ListTasks', { contextId, pageSize: 1 });
    const key = `${this.#home}s:${contextId}`;
    // What is noted of answers comes after them.
    const isNoted = async (): Promise<boolean> =>
      (await this.#redis.client.hget(key, 'm'))?.match(/,/g)?.length === 3;
    await eventually(isNoted, ASKED_WITHIN_MS);
    const epoch = await this.#redis.client.hget(key, 'e');
    const pageToken = list['nextPageToken'] as string;
    return { taskId, contextId, hookId: 'hook', pageToken, cursor: `${epoch}.1` };
  }

  /** What nobody has, as long as what the owner has. */
  made(): Known {
    const contextId = `unknown-${++this.#made}`;
    const taskId = `${contextId}.${'A'.repeat(16)}`;
    return { taskId, contextId, hookId: 'hook', pageToken: 'AAAAAAAAAAAA', cursor: 'AAAAAAAAAAAAAAAA.1' };
  }

  /** All that is stored where the owner's is, and how long his sessions live. */
  async stored(): Promise<Record<string, string>> {
    const { client } = this.#redis;
    const found: Record<string, string> = {};
    for (const key of (await client.keys('*')).filter((name) => name.startsWith(this.#home)).sort()) {
      found[key] = (await client.dumpBuffer(key)).toString('base64');
      if (key.includes(':s:')) found[`${key} life`] = String(await client.call('PEXPIRETIME', key));
    }
    return found;
  }

  /** Counters, but for those of time. */
  async counted(): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.#server.metrics.registry.metrics()).split('\n');
    const counters = lines.filter(
      (line) => /^\w+_total[{ ]/.test(line) && !/_busy_seconds_total /.test(line),
    );
    return new Map(counters.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
  }
}

const NOBODY: Known = { taskId: '', contextId: '', hookId: '', pageToken: '', cursor: '' };

/** To its end, or for a stream that stays open to the end of its first frame. */
async function firstFrames(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) return text;
    text += decoder.decode(read.value, { stream: true });
    if (text.includes('INPUT_REQUIRED') || text.includes('input-required')) {
      await reader?.cancel();
      return text;
    }
  }
}

let addresses = 0;
function nextAddress(): string {
  addresses += 1;
  return `198.51.${addresses >> 8}.${addresses & 255}`;
}

/** What an answer says, but for ids and times. */
export function gist({ status, headers, text }: Reply, known: Known): string {
  const names = [...headers.keys()].filter((name) => name !== 'content-length' && name !== 'date').sort();
  return JSON.stringify([status, names, plain(text, known)]);
}

export function plain(text: string, { taskId, contextId, pageToken, cursor }: Known): string {
  let left = text;
  for (const [id, name] of [
    [taskId, 'TASK'],
    [pageToken, 'TOKEN'],
    [cursor, 'CURSOR'],
    [contextId, 'CONTEXT'],
  ] as const)
    left = left.replaceAll(id, name);
  return left
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/^id: ?.*$/gm, 'id')
    .replace(/(?<![\w-])(?!TASK_)(?:[\w-]{36}|[\w-]{27}|[\w-]{16})(?![\w-])/g, 'ID');
}

/** Call it in a `describe`: the server runs from before its first test until after its last. */
export function useWorld(scope: Scope): { readonly world: World } {
  const redis = useRedis();
  const { expired, ...others } = KEYS;
  const files = useFiles();
  const { keys: rows } = keysFile(...Object.values(others)) as { keys: object[] };
  const { keys: ended } = keysFile(expired) as { keys: object[] };
  const path = files.write('keys.json', {
    keys: [...rows, ...ended.map((row) => ({ ...row, expires: '2020-01-01' }))],
  });
  const credentials = {
    A2A_API_KEYS_FILE: path,
    A2A_JWT_JWKS_FILE: files.write('jwks.json', jwksOf(issuer)),
    A2A_JWT_ISSUER: ISSUER,
    A2A_JWT_AUDIENCE: AUDIENCE,
  };
  let world: World | undefined;
  before(async () => {
    world = await World.start(scope, redis, credentials);
  });
  after(async () => {
    await world?.close();
  });
  return {
    get world() {
      if (world === undefined) throw new Error('the world begins before the first test');
      return world;
    },
  };
}
