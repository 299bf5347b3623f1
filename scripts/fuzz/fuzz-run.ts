/** A server, everything that is sent to it, and what was found. */
import { randomBytes } from 'node:crypto';
import { rm, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DurationMs } from '../../protocol/units.ts';
import { keysFile, withKey } from '../../tests/helpers/keys.ts';
import { startRedis } from '../../tests/helpers/redis.ts';
import { call, sendV1, V1 } from '../../tests/helpers/rpc.ts';
import { Random } from '../recovery/random.ts';
import { type Holdings, SoakedServer } from '../soak/soaked-server.ts';
import { FuzzClient, type Answered } from './fuzz-client.ts';
import { IdPool } from './id-pool.ts';
import { Judge } from './judge.ts';
import { growth } from './memory-verdict.ts';
import { type Caller, type Kind, RequestMaker } from './requests.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly connections: number;
  /** Told after each of so many portions. */
  readonly portions: number;
  readonly onPortion?: (sent: number, holdings: Holdings) => void;
}

export interface Finding {
  readonly fault: string;
  readonly count: number;
  /** The first request, as it was sent, and what came. */
  readonly example: string;
}

export interface FuzzReport {
  readonly sent: number;
  readonly tookMs: DurationMs;
  readonly kinds: ReadonlyMap<Kind, number>;
  /** HTTP status, with the code of a JSON-RPC error -> how many. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  readonly looks: readonly Holdings[];
  /** Log event -> how often, of those that warn. */
  readonly warnings: ReadonlyMap<string, number>;
}

const EXAMPLE_MAX = 1_500;
/** Log events that say that a request met a fault of the server. */
const FAULTY_EVENTS = ['request_failed', 'server_crashed', 'session_damaged', 'record_unopened'];
const VICTIM_TASKS = 3;

const secret = (what: string): string => `${what}-${randomBytes(18).toString('base64url')}`;
const callerOf = (tenant: string): Caller => ({ tenant, key: secret(`key-${tenant}`), mark: secret('said') });

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-fuzz-'));
  const password = secret('password');
  const redis = await startRedis({ tcp: true, password, args: ['--requirepass', password] });
  try {
    const callers = [callerOf('acme'), callerOf('beta')] as const;
    const victim = callerOf('victim');
    const operator = secret('operator');
    await writeFile(
      join(folder, 'keys.json'),
      JSON.stringify(keysFile(...callers, victim, { key: operator, tenant: 'ops', roles: ['operator'] })),
    );
    const server = await SoakedServer.start(
      {
        REDIS_URL: `redis://:${password}@127.0.0.1:${redis.port}/0`,
        A2A_API_KEYS_FILE: join(folder, 'keys.json'),
        // so that everything comes and goes within the run
        A2A_SESSION_TTL_SECONDS: '60',
        A2A_CACHE_MAX_SESSIONS: '500',
        A2A_CACHE_MAX_BYTES: String(8 * 1024 * 1024),
        A2A_BLOCKING_TIMEOUT_SECONDS: '2',
        A2A_DRAIN_SECONDS: '2',
        A2A_MAX_BODY_BYTES: '65536',
        A2A_PUSH_TIMEOUT_SECONDS: '1',
        A2A_PUSH_MAX_TRIES: '2',
      },
      folder,
    );
    const secrets = new Map([
      ['password of Redis', password],
      ['key of the operator', operator],
      ['key of the victim', victim.key],
      ['what the victim said', victim.mark],
    ]);
    const run = new FuzzRun(options, server, callers, new Judge({ secrets, callers }));
    const report = await run.all(victim);
    return report;
  } finally {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #server: SoakedServer;
  readonly #judge: Judge;
  readonly #ids = new IdPool();
  readonly #maker: RequestMaker;
  readonly #callers: readonly Caller[];
  readonly #kinds = new Map<Kind, number>();
  readonly #outcomes = new Map<string, number>();
  readonly #findings = new Map<string, { count: number; example: string }>();
  #sent = 0;

  constructor(
    options: FuzzOptions,
    server: SoakedServer,
    callers: readonly [Caller, ...Caller[]],
    judge: Judge,
  ) {
    this.#options = options;
    this.#server = server;
    this.#judge = judge;
    this.#callers = callers;
    this.#maker = new RequestMaker(new Random(options.seed), this.#ids, callers);
  }

  async all(victim: Caller): Promise<FuzzReport> {
    const { requests, portions, connections, onPortion } = this.#options;
    const began = performance.now();
    const looks: Holdings[] = [];
    try {
      await Promise.race([this.#plant(victim), this.#server.failed]);
      for (let portion = 1; portion <= portions; portion++) {
        const until = Math.round((requests * portion) / portions);
        const talkers = Array.from({ length: connections }, () => this.#talk(until));
        await Promise.race([Promise.all(talkers), this.#server.failed]);
        const holdings = await this.#server.look();
        looks.push(holdings);
        onPortion?.(this.#sent, holdings);
      }
      await this.#stillServes();
    } catch (error) {
      this.#found('the server is gone', String(error));
    }
    const code = await this.#server.stop();
    if (code !== 0) this.#found(`the server ended with ${code}`, 'after SIGTERM');
    const { warnings } = this.#server;
    for (const event of FAULTY_EVENTS)
      if (warnings.has(event)) this.#found(`logged ${event}`, `${warnings.get(event)} times`);
    for (const grown of growth(looks)) this.#found(grown, 'after a forced collection');
    return {
      sent: this.#sent,
      tookMs: performance.now() - began,
      kinds: this.#kinds,
      outcomes: this.#outcomes,
      findings: [...this.#findings].map(([fault, rest]) => ({ fault, ...rest })),
      looks,
      warnings,
    };
  }

  /** A tenant of which nobody here has a key, but who knows its tasks by id. */
  async #plant(victim: Caller): Promise<void> {
    for (let n = 0; n < VICTIM_TASKS; n++) {
      const params = sendV1(`v${n}`, victim.mark, 's-0-0');
      const { json, text } = await call(this.#server.url, 'SendMessage', params, {
        ...V1,
        ...withKey(victim.key),
      });
      const { task } = (json.result ?? {}) as { task?: { id: string } };
      if (task === undefined) throw new Error(`nothing can be planted: ${text}`);
      this.#ids.pin(task.id);
    }
  }

  async #talk(until: number): Promise<void> {
    const client = new FuzzClient(this.#server.url);
    while (this.#sent < until) {
      const burst = this.#maker.burst();
      this.#sent += burst.requests.length;
      for (const { kind } of burst.requests) this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
      for (const answered of await client.send(burst)) this.#take(answered);
    }
    client.close();
  }

  #take({ request, answer }: Answered): void {
    const sent = `${request.head}${request.body.toString()}`.slice(0, EXAMPLE_MAX);
    if (typeof answer === 'string') {
      this.#count(answer);
      this.#found(`${answer} instead of an answer, ${request.kind}`, sent);
      return;
    }
    this.#count(outcomeOf(answer));
    for (const fault of this.#judge.faultsOf(request, answer))
      this.#found(
        `${fault}, ${request.kind}`,
        `${sent}\n-> ${answer.status} ${answer.body.slice(0, EXAMPLE_MAX)}`,
      );
    for (const [, id = ''] of answer.body.matchAll(/"(?:taskId|id)":"(s-[\w-]+\.[\w-]+)"/g))
      this.#ids.learn(id);
  }

  #count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  #found(fault: string, example: string): void {
    const known = this.#findings.get(fault);
    if (known === undefined) this.#findings.set(fault, { count: 1, example });
    else known.count++;
  }

  async #stillServes(): Promise<void> {
    for (const { key, mark, tenant } of this.#callers) {
      const params = sendV1(`last-${tenant}`, mark);
      const { text } = await call(this.#server.url, 'SendMessage', params, { ...V1, ...withKey(key) });
      if (!text.includes('TASK_STATE_COMPLETED')) this.#found('serves no more', text);
    }
  }
}

function outcomeOf({ status, body }: { status: number; body: string }): string {
  const [, code] = /"error":\{"code":(-\d+)/.exec(body) ?? [];
  return code === undefined ? String(status) : `${status} ${code}`;
}
