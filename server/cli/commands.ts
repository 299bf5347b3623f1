/** Every command of the program, by name. docs/cli.md has each of them with an example. */
import type { Console } from './console.ts';

export interface Command {
  /** One or two words. */
  readonly name: string;
  /** Behind `holdfast `. */
  readonly usage: string;
  readonly about: string;
  /** What it needs is loaded only when it runs. @param args behind the name @returns exit code */
  readonly run: (args: readonly string[], terminal: Console) => Promise<number> | number;
}

const WHERE = '[--tenant <tenant>] [--subject <subject>]';
const WHERE_ALL = '[--tenant <tenant>] [--subject <subject>] | [--all]';

export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    usage: 'serve',
    about: 'Starts the server, as the program does without a command.',
    run: () => {
      throw new Error('the process starts the server itself');
    },
  },
  {
    name: 'sessions list',
    usage: `sessions list ${WHERE_ALL} [--limit <1 to 100000>] [--after <place>] [--json]`,
    about: 'Lists live sessions from the index, 100 by default.',
    run: async (args, terminal) => (await import('./sessions-list.ts')).listSessions(args, terminal),
  },
  {
    name: 'sessions show',
    usage: `sessions show <session id> ${WHERE} [--content] [--json]`,
    about: 'Shows a session: times, turns, tasks, sizes. What was said is shown with --content alone.',
    run: async (args, terminal) => (await import('./sessions-show.ts')).showSession(args, terminal),
  },
  {
    name: 'sessions tail',
    usage: `sessions tail <session id> ${WHERE} [--last <0 to 100000>] [--follow] [--content] [--json]`,
    about: 'Prints the last records of a session, 20 by default, and with --follow those that come.',
    run: async (args, terminal) => (await import('./sessions-show.ts')).tailSession(args, terminal),
  },
  {
    name: 'sessions export',
    usage: `sessions export ${WHERE_ALL}`,
    about: 'Writes sessions to stdout as lines of JSON, not encrypted, for sessions import.',
    run: async (args, terminal) => (await import('./sessions-export.ts')).exportSessions(args, terminal),
  },
  {
    name: 'sessions import',
    usage: 'sessions import [--file <path>] [--skip-existing] [--json]',
    about: 'Reads an export from stdin or a file and makes its sessions, with the life that they had left.',
    run: async (args, terminal) => (await import('./sessions-import.ts')).importSessions(args, terminal),
  },
  {
    name: 'sessions delete',
    usage: `sessions delete <session id> ${WHERE} --yes [--json]`,
    about: 'Deletes a session for good, also from the memory of servers on the same Redis.',
    run: async (args, terminal) => (await import('./sessions-list.ts')).deleteSessions(args, terminal),
  },
  {
    name: 'erase',
    usage: 'erase --tenant <tenant> [--subject <subject>] [--session <session id>] --yes [--json]',
    about: 'Deletes sessions in the store, in the memory of all instances and in their outage journals.',
    run: async (args, terminal) => {
      const { openEraser } = await import('../build-erasure.ts');
      const { runErase } = await import('./erase-command.ts');
      return runErase(args, terminal, (config) => openEraser(config, terminal.pid));
    },
  },
  {
    name: 'tasks list',
    usage: `tasks list ${WHERE_ALL} [--session <session id>] [--state <state>] [--limit <1 to 100000>] [--json]`,
    about: 'Lists tasks from the index, newest status first, 100 by default.',
    run: async (args, terminal) => (await import('./tasks-command.ts')).listTasks(args, terminal),
  },
  {
    name: 'tasks stuck',
    usage: `tasks stuck ${WHERE_ALL} [--minutes <1 to 525600>] [--json]`,
    about: 'Finds running tasks whose runner is gone, or of which nothing was recorded for an hour.',
    run: async (args, terminal) => (await import('./tasks-command.ts')).findStuck(args, terminal),
  },
  {
    name: 'tasks settle',
    usage: `tasks settle <task id> ${WHERE} [--force] [--json]`,
    about: 'Ends a task whose runner is gone: failed, or canceled where that was asked for.',
    run: async (args, terminal) => (await import('./tasks-settle.ts')).settleTask(args, terminal),
  },
  {
    name: 'instances',
    usage: 'instances [--json]',
    about: 'Lists who shares the store, and when each was last heard of.',
    run: async (args, terminal) => (await import('./instances-command.ts')).listInstances(args, terminal),
  },
  {
    name: 'store check',
    usage: `store check ${WHERE_ALL} [--deep] [--json]`,
    about: 'Compares journals and indexes of all tenants. --deep also looks for what no index knows.',
    run: async (args, terminal) => (await import('./store-command.ts')).check(args, terminal),
  },
  {
    name: 'store repair',
    usage: `store repair ${WHERE_ALL} [--deep] [--dry-run] [--json]`,
    about: 'Mends what store check finds in indexes and lives. No record is changed.',
    run: async (args, terminal) => (await import('./store-command.ts')).repair(args, terminal),
  },
  {
    name: 'store migrate',
    usage: `store migrate ${WHERE_ALL} [--dry-run] [--json]`,
    about: 'Writes records in the form that the configuration writes: the active key, compressed or not.',
    run: async (args, terminal) => (await import('./store-migrate.ts')).migrate(args, terminal),
  },
  {
    name: 'store stats',
    usage: `store stats ${WHERE_ALL} [--json]`,
    about: 'Counts sessions, records, bytes and tasks of each tenant.',
    run: async (args, terminal) => (await import('./store-command.ts')).showStats(args, terminal),
  },
  {
    name: 'webhooks parked',
    usage: `webhooks parked ${WHERE_ALL} [--json]`,
    about: 'Lists webhooks that were given up, and how many events they have missed.',
    run: async (args, terminal) => (await import('./webhooks-command.ts')).listParked(args, terminal),
  },
  {
    name: 'webhooks redeliver',
    usage: `webhooks redeliver <task id> [--webhook <id>] ${WHERE} [--json]`,
    about: 'Makes the parked webhooks of a task due again, with what they have missed.',
    run: async (args, terminal) => (await import('./webhooks-command.ts')).redeliver(args, terminal),
  },
  {
    name: 'keys',
    usage: 'keys add | list | revoke',
    about: 'Makes API keys, lists them and takes them back.',
    run: async (args, terminal) => (await import('./keys-command.ts')).runKeys(args, terminal),
  },
  {
    name: 'config check',
    usage: 'config check [--json]',
    about: 'Checks the environment as a start does, and names every problem.',
    run: async (args, terminal) => (await import('./config-command.ts')).checkConfig(args, terminal),
  },
  {
    name: 'doctor',
    usage: 'doctor [--json]',
    about: 'Looks at the store and how it is set up, and says what to change.',
    run: async (args, terminal) => (await import('./doctor-command.ts')).examine(args, terminal),
  },
];

/** The command that arguments begin with, and what follows it. */
export function findCommand(
  args: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const name = args.slice(0, length).join(' ');
    const command = args.length >= length ? COMMANDS.find((known) => known.name === name) : undefined;
    if (command !== undefined) return { command, rest: args.slice(length) };
  }
  return undefined;
}
