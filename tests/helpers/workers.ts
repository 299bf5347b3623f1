import { request } from 'node:http';
import type { ServerProcess } from './server.ts';
import { eventually } from './eventually.ts';
import { overheard } from './overheard.ts';

/** One GET over a connection of its own: the next one may come to another worker. */
export function getAnew(url: URL, timeoutMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, timeout: timeoutMs }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('end', () => {
        overheard.hear(url.pathname, text);
        resolve(text);
      });
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.once('error', reject).end();
  });
}

export interface WorkerReadyz {
  readonly status: string;
  readonly worker: number;
  readonly instances: { readonly me: string; readonly alive: number };
  readonly pending: { readonly records: number; readonly kept?: boolean };
}

/** Asks over new connections until each of the workers has answered. @returns by number */
export async function allWorkers(server: ServerProcess, count: number): Promise<Map<number, WorkerReadyz>> {
  const seen = new Map<number, WorkerReadyz>();
  await eventually(async () => {
    const said = JSON.parse(await getAnew(new URL('/readyz', server.url))) as WorkerReadyz;
    seen.set(said.worker, said);
    return seen.size === count;
  }, 10_000);
  return seen;
}

/** `name value` or `name{labels} value` of the metrics of all workers. */
export async function metric(server: ServerProcess, name: string): Promise<number> {
  const text = await getAnew(new URL('/metrics', server.url));
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1),
  );
}

/** Number -> process of those that listened last. */
export const pidsOf = (server: ServerProcess): Map<number, number> =>
  new Map(server.logs.of('worker_listening').map(({ worker, pid }) => [Number(worker), Number(pid)]));
