/**
 * Whether what docs/operations offers works: a server, a Redis and a Prometheus of its own, load, and then every query of
 * the dashboard and every alert, asked of that Prometheus.
 *
 * Not in the quick form: Prometheus has to scrape for a while, and may have to be fetched.
 *
 *     npm run observe        exit code 0: all is well; 1: the lines before say what is not. About 25 s
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { eventually } from '../../tests/helpers/eventually.ts';
import { type RedisServer, startRedis } from '../../tests/helpers/redis.ts';
import { call, sendV01, sendV03, sendV1, V1 } from '../../tests/helpers/rpc.ts';
import { ServerProcess } from '../../tests/helpers/server-process.ts';
import { ensurePrometheus } from '../ensure-prometheus.ts';
import { ALERT_CASES, alertTests } from './alert-cases.ts';
import { type Query, readDashboard, readRules, RULES_FILE } from './operations-files.ts';

/** Longer than Prometheus takes to see two scrapes of everything, which rates need. */
const DATA_WITHIN_MS = 25_000;
const SCRAPES = 21;
const SCRAPE_MAX_MS = 20;
const SESSIONS = 100_000;

const CONFIG = `
global: { scrape_interval: 500ms, evaluation_interval: 500ms }
rule_files: ['${RULES_FILE}']
scrape_configs:
  - job_name: holdfast
    static_configs: [{ targets: ['TARGET'] }]
`;

interface Sample {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

/** A Prometheus that scrapes one server, in a folder of its own. */
class ScrapingPrometheus {
  readonly #child: ChildProcess;
  #origin = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(binary: string, folder: string, target: string): Promise<ScrapingPrometheus> {
    const config = join(folder, 'prometheus.yml');
    await writeFile(config, CONFIG.replace('TARGET', target));
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`];
    const child = spawn(binary, [...args, '--web.listen-address=127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const started = new ScrapingPrometheus(child);
    await started.#listening();
    return started;
  }

  async #listening(): Promise<void> {
    const said: string[] = [];
    for await (const line of createInterface({ input: this.#child.stderr! })) {
      said.push(line);
      const address = /msg="Listening on" address=([\d.:]+)/.exec(line)?.[1];
      if (address === undefined) continue;
      this.#origin = `http://${address}`;
      // or it would stand still once the pipe is full
      this.#child.stderr?.resume();
      return;
    }
    throw new Error(`prometheus did not start:\n${said.join('\n')}`);
  }

  async #get<T>(path: string): Promise<T> {
    const answer = (await (await fetch(this.#origin + path)).json()) as { data: T; error?: string };
    if (answer.error !== undefined) throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  /** Only what is a number. */
  async query(expr: string): Promise<readonly Sample[]> {
    const { result } = await this.#get<{ result: readonly Sample[] }>(
      `/api/v1/query?query=${encodeURIComponent(expr)}`,
    );
    return result.filter(({ value: [, text] }) => text !== 'NaN');
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get<{ groups: readonly { rules: readonly Rule[] }[] }>('/api/v1/rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** A little of everything that is counted. */
async function load(url: string, round: number): Promise<void> {
  for (let i = 0; i < 12; i += 1) {
    const id = `r${round}-${i}`;
    await call(url, 'SendMessage', sendV1(id, 'hello', `s${i}`), V1);
    await call(url, 'message/send', sendV03(`${id}-v03`, 'hello', `s${i}`));
    await call(url, 'tasks/send', sendV01(`${id}-v01`, 'hello', `s${i}`));
  }
  await call(url, 'GetTask', { id: 'unknown' }, V1);
  await call(url, 'ListTasks', {}, V1);
  const stream = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...V1 },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'SendStreamingMessage',
      params: sendV1(`r${round}-s`, 'slow 3 10'),
    }),
  });
  await stream.text();
}

/** As Grafana fills it in when it shows the last minutes of all instances. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '5s').replaceAll('$instance', '.*');

/** @returns the queries that have brought nothing in time */
async function unanswered(prometheus: ScrapingPrometheus, url: string): Promise<readonly Query[]> {
  let left: readonly Query[] = readDashboard();
  const deadline = performance.now() + DATA_WITHIN_MS;
  for (let round = 1; left.length > 0 && performance.now() < deadline; round += 1) {
    await load(url, round);
    const asked = await Promise.all(left.map(({ expr }) => prometheus.query(filledIn(expr))));
    left = left.filter((_, i) => asked[i]?.length === 0);
  }
  return left;
}

/** @returns milliseconds of scrapes beside many sessions: the quickest, because the others say what else the machine does */
async function scrapeCost(url: string, redis: RedisServer): Promise<number> {
  const fill = "for i = 1, tonumber(ARGV[2]) do redis.call('ZADD', KEYS[1], ARGV[1], 'x' .. i) end";
  await redis.client().eval(fill, 1, 'a2a:1:{default.00}:sessions', Date.now() + 3_600_000, SESSIONS);
  const took: number[] = [];
  for (let i = 0; i < SCRAPES; i += 1) {
    const began = performance.now();
    await (await fetch(new URL('/metrics', url))).text();
    took.push(performance.now() - began);
  }
  return Math.min(...took);
}

/** What each alert claims, asked of promtool. @returns what is not so */
async function checkAlerts(promtool: string, folder: string, say: (line: string) => void): Promise<string[]> {
  const file = join(folder, 'alert-cases.json');
  await writeFile(file, alertTests(RULES_FILE));
  try {
    await promisify(execFile)(promtool, ['test', 'rules', file]);
    say(`               ${ALERT_CASES.length} cases: they fire, and no others do`);
    return [];
  } catch (error) {
    return [`alerts: ${String((error as { stdout?: string }).stdout ?? error)}`];
  }
}

/** @returns what is not well; empty when all is */
async function observe(say: (line: string) => void): Promise<string[]> {
  const { server: binary, promtool } = await ensurePrometheus();
  const { stdout } = await promisify(execFile)(promtool, ['check', 'rules', RULES_FILE]);
  say(`promtool       ${/SUCCESS: .+/.exec(stdout)?.[0] ?? stdout}`);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-observe-'));
  const redis = await startRedis();
  let server: ServerProcess | undefined;
  let prometheus: ScrapingPrometheus | undefined;
  try {
    const tiers = join(folder, 'tiers.json');
    const limits = { requestsPerSecond: 100_000, burst: 100_000, maxSessions: 1_000_000 };
    await writeFile(tiers, JSON.stringify({ default: limits }));
    server = await ServerProcess.start(
      {
        REDIS_URL: `unix://${redis.path}`,
        A2A_TIERS_FILE: tiers,
        A2A_METRICS_TENANTS: 'default',
        // so that sessions are dropped from memory and come back
        A2A_CACHE_MAX_SESSIONS: '4',
        A2A_DRAIN_SECONDS: '1',
      },
      folder,
    );
    const { url } = server;
    // before the first scrape, which lets the store be counted
    await load(url, 0);
    prometheus = await ScrapingPrometheus.start(binary, folder, new URL(url).host);
    const faults = await checkAlerts(promtool, folder, say);
    return [...faults, ...(await findFaults(prometheus, url, redis, say))];
  } finally {
    await prometheus?.stop();
    await server?.kill9();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function findFaults(
  prometheus: ScrapingPrometheus,
  url: string,
  redis: RedisServer,
  say: (line: string) => void,
): Promise<string[]> {
  const faults: string[] = [];
  const silent = await unanswered(prometheus, url);
  const count = readDashboard().length;
  say(`dashboard      ${count - silent.length} of ${count} queries return data`);
  for (const { where, expr } of silent) faults.push(`no data: ${where}: ${expr}`);

  const rules = await prometheus.rules();
  const unwell = rules.filter(({ health }) => health !== 'ok');
  const firing = rules.filter(({ state }) => state === 'firing');
  say(
    `alerts         ${rules.length} of ${readRules().length} evaluated, ${firing.length} firing while all is well`,
  );
  for (const { name, health, lastError = '' } of unwell) faults.push(`${name} is ${health} ${lastError}`);
  for (const { name } of firing) faults.push(`${name} fires although all is well`);
  if (rules.length !== readRules().length) faults.push('Prometheus has other rules than the file');

  const quickestMs = await scrapeCost(url, redis);
  say(`scrape         ${quickestMs.toFixed(1)} ms with ${SESSIONS} sessions, the quickest of ${SCRAPES}`);
  if (quickestMs > SCRAPE_MAX_MS) faults.push(`a scrape takes more than ${SCRAPE_MAX_MS} ms`);

  redis.pause();
  try {
    const isNoticed = async (): Promise<boolean> =>
      (await prometheus.rules()).some(
        ({ name, state }) => name === 'HoldfastStoreAway' && state !== 'inactive',
      );
    await eventually(isNoticed, 10_000).then(
      () => {
        say('an outage      HoldfastStoreAway is pending within seconds');
      },
      () => faults.push('HoldfastStoreAway does not notice that Redis hangs'),
    );
  } finally {
    redis.resume();
  }
  return faults;
}

try {
  const faults = await observe((line) => process.stdout.write(`${line}\n`));
  for (const fault of faults) process.stderr.write(`observe: ${fault}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`observe: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
