/** `holdfast keys`: makes API keys, lists them and takes them back. */
import { parseArgs } from 'node:util';
import type { EpochMs } from '../../protocol/units.ts';
import { FileProblemsError, readCard } from '../config-files.ts';
import { findUnknownRoles, parseApiKeys, parseMoment } from '../config-keys.ts';
import { ROLES } from '../security/permissions.ts';
import { auditCommand } from './audit-line.ts';
import { changeKeyFile, KeyFileError, readKeyFile } from './key-file.ts';
import { table, toListed } from './listed-keys.ts';
import { makeKey } from './made-key.ts';
import type { Terminal } from './terminal.ts';

export const KEYS_USAGE = `Usage: holdfast keys add --tenant <tenant> --subject <subject> [--role <role>]...
                        [--tier <tier>] [--expires <days, or a date>] [--file <path>]
       holdfast keys list [--json] [--file <path>]
       holdfast keys revoke <id> [--file <path>]

The file is A2A_API_KEYS_FILE unless --file names one. Roles: ${ROLES.join(', ')}, and those that the
card of A2A_CARD_FILE names; peer when none is given. A key is written to stdout once, and nowhere else.
A running server takes the change up within 2 s.
`;

/** The command was not understood. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const DAY_MS = 86_400_000;
const EXPIRES_MAX_DAYS = 3_650;

/** @returns exit code: 0, 2 for what was asked for, 3 when the file cannot be read or changed */
export async function runKeys(args: readonly string[], terminal: Terminal): Promise<number> {
  const [command, ...rest] = args;
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(KEYS_USAGE);
    return 0;
  }
  const run = COMMANDS.get(command ?? '');
  try {
    if (run === undefined) throw new UsageError('keys needs a command: add, list or revoke');
    await run(rest, terminal);
    return 0;
  } catch (error) {
    if (error instanceof KeyFileError) {
      terminal.err(`holdfast: ${error.message}\n`);
      return 3;
    }
    if (!(error instanceof UsageError) && !isParseArgsError(error)) throw error;
    terminal.err(`holdfast: ${error.message}\n${KEYS_USAGE}`);
    return 2;
  }
}

const FILE = { file: { type: 'string' } } as const;

async function add(args: readonly string[], terminal: Terminal): Promise<void> {
  const { env, now, out, err } = terminal;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...FILE,
      tenant: { type: 'string' },
      subject: { type: 'string' },
      role: { type: 'string', multiple: true },
      tier: { type: 'string' },
      expires: { type: 'string' },
    },
  });
  const path = pathOf(values.file, env);
  const { tenant, subject, tier } = values;
  if (tenant === undefined) throw new UsageError('--tenant is required');
  if (subject === undefined) throw new UsageError('--subject is required');
  const created = now();
  const expires = values.expires === undefined ? undefined : expiryOf(values.expires, created);
  const { key, id, salt, hash } = makeKey();
  const entry = {
    ...{ id, salt, hash, tenant, subject, roles: [...new Set(values.role ?? ['peer'])] },
    ...(tier !== undefined && { tier }),
    created: new Date(created).toISOString(),
    ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
  };
  const parsed = parseApiKeys({ keys: [entry] });
  const problems =
    'problems' in parsed ? parsed.problems : findUnknownRoles(parsed.value, [...ROLES, ...cardRoles(env)]);
  if (problems.length > 0) throw new UsageError(problems.map(withoutPlace).join('; '));
  await changeKeyFile(path, (entries) => [...entries, entry]);
  auditCommand(terminal, 'key_added', { key: id, tenant, subject, roles: entry.roles });
  out(`${key}\n`);
  err(`Key ${id} of ${subject} in ${tenant} is in ${path}. It is shown this once.\n`);
}

async function list(args: readonly string[], { env, now, out }: Terminal): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { ...FILE, json: { type: 'boolean' } } });
  const { rows } = await readKeyFile(pathOf(values.file, env));
  const listed = rows.map((row) => toListed(row, now()));
  out(values.json === true ? `${JSON.stringify(listed, undefined, 2)}\n` : table(listed));
}

async function revoke(args: readonly string[], terminal: Terminal): Promise<void> {
  const { env, now, err } = terminal;
  const { values, positionals } = parseArgs({ args: [...args], options: FILE, allowPositionals: true });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new UsageError('one id is required');
  const path = pathOf(values.file, env);
  // The whole key, pasted: it is not repeated.
  if (id.startsWith('hf_')) throw new UsageError('the id is required, which is the part of a key after hf_');
  await readKeyFile(path);
  await changeKeyFile(path, (entries) => {
    if (!entries.some((entry) => entry['id'] === id))
      throw new UsageError(`there is no key with this id in ${path}`);
    const revoked = new Date(now()).toISOString();
    return entries.map((entry) => (entry['id'] === id ? { revoked, ...entry } : entry));
  });
  auditCommand(terminal, 'key_revoked', { key: id });
  err(`Key ${id} is revoked. A running server refuses it within 2 s.\n`);
}

const COMMANDS: ReadonlyMap<string, (args: readonly string[], terminal: Terminal) => Promise<void>> = new Map(
  [
    ['add', add],
    ['list', list],
    ['revoke', revoke],
  ],
);

function pathOf(file: string | undefined, env: Terminal['env']): string {
  const path = file ?? env['A2A_API_KEYS_FILE'];
  if (path === undefined || path === '') throw new UsageError('--file or A2A_API_KEYS_FILE is required');
  return path;
}

function expiryOf(text: string, now: EpochMs): EpochMs {
  const isDays = /^\d{1,5}$/.test(text);
  const days = Number(text);
  if (isDays && days > EXPIRES_MAX_DAYS)
    throw new UsageError(`--expires must be at most ${EXPIRES_MAX_DAYS} days`);
  const expires = isDays ? now + days * DAY_MS : parseMoment(text);
  if (expires === undefined)
    throw new UsageError(
      '--expires must be days, a date, or a time with its zone such as 2030-01-31T12:00:00Z',
    );
  if (expires <= now) throw new UsageError('--expires must be in the future');
  return expires;
}

/** Roles that mean something to the agent card. @throws {UsageError} when its file is not usable */
function cardRoles({ A2A_CARD_FILE: path }: Terminal['env']): readonly string[] {
  if (path === undefined || path === '') return [];
  try {
    return readCard(path).extended?.roles ?? [];
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw new UsageError(`A2A_CARD_FILE: ${error.message}`);
  }
}

/** `keys[0].tenant must …` is about the option of that name. */
const withoutPlace = (problem: string): string =>
  problem.replace(/^keys\[0\]\./, '--').replace(/^--roles\[\d+\]/, '--role');

const isParseArgsError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
