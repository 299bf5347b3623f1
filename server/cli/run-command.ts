import { ProtocolError } from '../../protocol/errors.ts';
import { StartError } from '../backend.ts';
import { ConfigError } from '../config.ts';
import { SessionDamagedError, StoreUnavailableError } from '../sessions/session-store.ts';
import { IndexDamagedError } from '../stores/index-damaged-error.ts';
import { type Command, COMMANDS, findCommand } from './commands.ts';
import { CLI_EXIT, type Console, InputError, MissingError, OutputError, UsageError } from './console.ts';

const HEAD = `Usage: holdfast [serve | <command>] [--help | --version]

Starts the server, or looks after what it has stored. Everything is configured by environment variables, the
commands by the same ones as the server: see docs/configuration.md and docs/cli.md.

`;

const EXIT_CODES = `
Exit codes of the server: 0 stopped, 1 crash, 2 configuration, 3 address in use or data folder not usable,
4 stopped, and acknowledged records are not stored anywhere.
Exit codes of the commands: 0 done, 1 crash, 2 not understood or configuration, 3 store or file not usable,
4 something was found or left undone, 5 no such session, task or webhook.
`;

/** They say more than a line of the table. */
const OWN_HELP = new Set(['keys', 'erase']);

/** What `holdfast help` says. */
export function helpText(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const rows = COMMANDS.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}\n`);
  return `${HEAD}Commands (holdfast <command> --help):\n${rows.join('')}${EXIT_CODES}`;
}

const usageOf = ({ usage, about }: Command): string => `Usage: holdfast ${usage}\n\n${about}\n`;

/**
 * Any command but `serve`.
 *
 * @param args without the program's own name
 * @returns exit code
 */
export async function runCommand(args: readonly string[], terminal: Console): Promise<number> {
  const [first] = args;
  if (first === 'help' || first === '--help' || first === '-h') return help(args.slice(1), terminal);
  const found = findCommand(args);
  if (found === undefined) return unknown(args, terminal);
  const { command, rest } = found;
  if (!OWN_HELP.has(command.name) && (rest.includes('--help') || rest.includes('-h'))) {
    terminal.out(usageOf(command));
    return CLI_EXIT.done;
  }
  if (command.name === 'serve') return unknown(rest, terminal);
  try {
    return await command.run(rest, terminal);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const { message } = error as Error;
    terminal.err(error instanceof ConfigError ? `${message}\n` : `holdfast: ${message}\n`);
    if (error instanceof UsageError) terminal.err(usageOf(command));
    return code;
  }
}

function codeOf(error: unknown): number | undefined {
  if (error instanceof UsageError || error instanceof ConfigError) return CLI_EXIT.usage;
  if (error instanceof MissingError) return CLI_EXIT.missing;
  if (error instanceof SessionDamagedError) return CLI_EXIT.found;
  // Raised where a request would be refused for now.
  if (error instanceof ProtocolError) return CLI_EXIT.unusable;
  const isUnusable = [StartError, StoreUnavailableError, IndexDamagedError, InputError, OutputError].some(
    (kind) => error instanceof kind,
  );
  return isUnusable ? CLI_EXIT.unusable : undefined;
}

function help(args: readonly string[], terminal: Console): number {
  if (args.length === 0) {
    terminal.out(helpText());
    return CLI_EXIT.done;
  }
  const found = findCommand(args);
  if (found === undefined) return unknown(args, terminal);
  terminal.out(usageOf(found.command));
  return CLI_EXIT.done;
}

function unknown(args: readonly string[], terminal: Console): number {
  const [first = ''] = args;
  const inGroup = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (inGroup.length > 0) terminal.err(`holdfast: ${first} needs a command: ${inGroup.join(', ')}\n`);
  else terminal.err(`holdfast: unknown argument ${first}\n${helpText()}`);
  return CLI_EXIT.usage;
}
