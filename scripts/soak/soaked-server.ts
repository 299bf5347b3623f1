import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Bytes } from '../../protocol/units.ts';
import { ServerProcess } from '../../tests/helpers/server-process.ts';

/** What a process holds once its garbage has been collected. */
export interface Holdings {
  readonly heapUsed: Bytes;
  readonly external: Bytes;
  readonly arrayBuffers: Bytes;
  readonly rss: Bytes;
  /** Kind of handle -> how many are open, timers included. */
  readonly handles: Readonly<Record<string, number>>;
}

/** Metrics that are 0 when nobody has asked anything for a minute and nothing waits. */
const BUSY = [
  'pending_records',
  'pending_bytes',
  'recent_bytes',
  'tasks_running',
  'streams_open',
  'webhooks_waiting',
] as const;

/** A server in a process of its own that can be looked into. */
export class SoakedServer {
  readonly #process: ServerProcess;
  readonly #probe: string;
  /** Rejects when the server ends and nobody stopped it. Never resolves. */
  readonly failed: Promise<never>;
  #isStopping = false;

  private constructor(started: ServerProcess, probe: string) {
    this.#process = started;
    this.#probe = probe;
    this.failed = new Promise((_resolve, reject) => {
      void started.exited().then((code) => {
        if (!this.#isStopping)
          reject(new Error(`the server ended by itself with ${code}: ${started.stderr}`));
      });
    });
    this.failed.catch(() => undefined);
    process.on('exit', this.#atExit);
  }

  readonly #atExit = (): void => {
    this.#process.signal('SIGKILL');
  };

  static async start(env: Readonly<Record<string, string>>, folder: string): Promise<SoakedServer> {
    const probe = join(folder, 'probe.sock');
    const preload = new URL('probe.mjs', import.meta.url).href;
    const started = ServerProcess.launch(
      { ...env, LOG_LEVEL: 'warn', NODE_OPTIONS: `--import=${preload}`, HOLDFAST_PROBE: probe },
      folder,
    );
    const server = new SoakedServer(started, probe);
    await started.onStderr(/listens on (\S+)/);
    return server;
  }

  get url(): string {
    return /listens on (\S+)/.exec(this.#process.stderr)?.[1] ?? '';
  }

  /** Log event -> how often it was written, of those that are worth a warning. */
  get warnings(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { event } of this.#process.logs.lines) counts.set(event, (counts.get(event) ?? 0) + 1);
    return counts;
  }

  async look(): Promise<Holdings> {
    const socket = connect(this.#probe);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    return JSON.parse(text) as Holdings;
  }

  /** Metric, without its prefix -> value; those without labels. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(new URL('/metrics', this.url))).text();
    const rows = text.matchAll(/^holdfast_(\w+) ([\d.e+-]+)$/gm);
    return new Map([...rows].map(([, name = '', value]) => [name, Number(value)]));
  }

  /** What it is busy with, or keeps for the store. Empty when nothing. */
  async business(): Promise<string[]> {
    const metrics = await this.metrics();
    return BUSY.filter((name) => metrics.get(name) !== 0).map((name) => `${name} ${metrics.get(name)}`);
  }

  /** @returns the exit code of a clean stop */
  async stop(): Promise<number | null> {
    this.#isStopping = true;
    try {
      return await this.#process.stop();
    } finally {
      process.off('exit', this.#atExit);
    }
  }
}
