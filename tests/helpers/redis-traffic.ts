/** What a redis is asked to do: as it counts itself, and command by command. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';
import * as commitScripts from '../../server/stores/redis/commit-scripts.ts';
import * as scripts from '../../server/stores/redis/scripts.ts';
import { eventually } from './eventually.ts';

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

const SCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ ...commitScripts, ...scripts }).map(([name, lua]) => [sha1(lua), name.toLowerCase()]),
);

async function infoOf(client: Redis, section: string, name: string): Promise<number> {
  const found = new RegExp(`^${name}:(\\d+)`, 'm').exec(await client.info(section));
  if (found === null) throw new Error(`redis does not say ${name}`);
  return Number(found[1]);
}

/** Bytes that redis has received since it started, or since `CONFIG RESETSTAT`. */
export const bytesReceived = (client: Redis): Promise<number> =>
  infoOf(client, 'stats', 'total_net_input_bytes');

/** Changes to the data since redis started. */
export const changes = (client: Redis): Promise<number> =>
  infoOf(client, 'persistence', 'rdb_changes_since_last_save');

/** What the server's work costs redis: bytes received, and commands, those inside of scripts too. */
export async function costOf(
  client: Redis,
  work: () => Promise<void>,
): Promise<{ bytes: number; commands: number }> {
  await client.config('RESETSTAT');
  await work();
  const bytes = await bytesReceived(client);
  const stats = await client.info('commandstats');
  let commands = 0;
  for (const [, name, calls] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm))
    if (name !== 'info' && name !== 'config|resetstat') commands += Number(calls);
  return { bytes, commands };
}

/**
 * The commands that others than the test send while `work` is done, in order; a script by its name, in lower case. Those
 * inside of scripts are not among them.
 */
export async function commandsDuring(client: Redis, work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const end = await monitor(client, (source, args) => {
    if (source !== 'lua') seen.push(nameOf(args));
  });
  try {
    await work();
    await client.echo('the end');
    await eventually(() => seen.includes('the end'));
  } finally {
    end();
  }
  return seen.slice(0, seen.indexOf('the end'));
}

/**
 * Not ioredis' own: that one fails when commands come in the moment in which it begins.
 *
 * @returns how to end it
 */
async function monitor(
  { options: { path, port, host } }: Redis,
  onCommand: (source: string, args: string[]) => void,
): Promise<() => void> {
  const socket = path == null ? connect(port ?? 6_379, host) : connect(path);
  socket.write('MONITOR\r\n');
  const lines = createInterface(socket);
  await once(lines, 'line');
  lines.on('line', (line) => {
    const [, source = '', args = ''] = /^\+[\d.]+ \[\d+ ([^\]]*)\] "(.*)"$/.exec(line) ?? [];
    onCommand(
      source,
      args.split('" "').map((arg) => arg.replaceAll('\\"', '"')),
    );
  });
  return () => {
    socket.destroy();
  };
}

function nameOf([command = '', first = '']: readonly string[]): string {
  const name = command.toLowerCase();
  if (name === 'evalsha') return SCRIPTS[first] ?? 'evalsha';
  // in full once for each connection; the monitor escapes line ends
  if (name === 'eval') return SCRIPTS[sha1(first.replaceAll('\\n', '\n'))] ?? 'eval';
  return name === 'echo' ? first : name;
}
