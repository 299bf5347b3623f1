import { parseArgs } from 'node:util';
import { parsed, seedOf, UsageError, wholeNumber } from '../usage.ts';

export interface RecoveryOptions {
  readonly store: 'redis' | 'lmdb' | 'memory';
  /** Conversations at once. */
  readonly sessions: number;
  /** How often the server is killed while they run. */
  readonly kills: number;
  /** Of each conversation. */
  readonly messages: number;
  /** Chooses what is sent, and when the server is killed. */
  readonly seed: number;
}

export const USAGE = `Usage: npm run recovery -- --store redis|lmdb [--sessions N] [--kills K] [--messages M] [--seed S]

Drives N conversations at once against a server, in all three dialects, with blocking sends and with streams; kills the
server with SIGKILL K times in the middle and starts it again; clients send again what was not answered, and go on with
a stream where it broke off. Then every acknowledged message is looked for in
the store, in tasks/get and in recall, and tasks are counted.

  --store     redis  a redis-server of its own, which is not killed
              lmdb   a folder of its own
              memory keeps nothing: shows that a loss is found
  --sessions  1 to 500, default 20
  --kills     0 to 50, default 3
  --messages  2 to 500 of each conversation, default 12
  --seed      repeats what an earlier run sent

Exit codes: 0 nothing lost and nothing doubled, 1 otherwise, 2 wrong arguments.
`;

const STORES = ['redis', 'lmdb', 'memory'] as const;
/** Kills come while messages are under way: so many of them for each. */
const MESSAGES_PER_KILL = 4;

/** @returns undefined when help was asked for. @throws {UsageError} */
export function parseOptions(args: readonly string[]): RecoveryOptions | undefined {
  const given = read(args);
  if (given.help === true) return undefined;
  const store = STORES.find((name) => name === given.store);
  if (store === undefined)
    throw new UsageError(`--store must be redis or lmdb, got ${given.store ?? 'nothing'}`);
  const options = {
    store,
    sessions: wholeNumber('--sessions', given.sessions, [1, 500], 20),
    kills: wholeNumber('--kills', given.kills, [0, 50], 3),
    messages: wholeNumber('--messages', given.messages, [2, 500], 12),
    seed: seedOf(given.seed),
  };
  const room = Math.floor((options.sessions * options.messages) / MESSAGES_PER_KILL);
  if (options.kills > room) {
    throw new UsageError(`--kills must be at most ${room} with so few messages, got ${options.kills}`);
  }
  return options;
}

function read(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { store: text, sessions: text, kills: text, messages: text, seed: text };
  return parsed(
    () =>
      parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values,
  );
}
