/** `holdfast doctor`: what is wrong with the store and its surroundings, and what to change. */
import { StartError } from '../backend.ts';
import { parseConfig } from '../config.ts';
import { packageVersion } from '../package-info.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { Finding } from '../stores/finding.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, toJsonText } from './console.ts';
import { withStore } from './open-store.ts';

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

export async function examine(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { json: 'flag' });
  const { findings, isReached } = await findingsOf(terminal);
  const isWell = findings.every(({ level }) => level === 'ok');
  if (parsed.flag('json')) terminal.out(toJsonText({ well: isWell, findings }));
  else terminal.out(findings.map(toLine).join(''));
  if (!isReached) return CLI_EXIT.unusable;
  return isWell ? CLI_EXIT.done : CLI_EXIT.found;
}

/** @throws {ConfigError} */
async function findingsOf(terminal: Console): Promise<{ findings: Finding[]; isReached: boolean }> {
  const { store, deadMs } = parseConfig(terminal.env);
  const findings: Finding[] = [
    { check: 'version of Holdfast', level: 'ok', found: packageVersion() },
    { check: 'configuration', level: 'ok', found: 'is usable' },
  ];
  if (store.kind === 'memory') {
    const change = 'set REDIS_URL or A2A_STORE=lmdb, unless that is wanted';
    findings.push({ check: 'store', level: 'warn', found: 'memory: nothing survives the process', change });
    return { findings, isReached: true };
  }
  try {
    await withStore(terminal, false, async (open) => {
      findings.push({ check: 'store', level: 'ok', found: `${open.store.kind} at ${open.store.location}` });
      findings.push(...(await open.examine()));
      const alive = (await open.store.instances()).filter(({ ageMs }) => ageMs <= deadMs).length;
      findings.push({ check: 'instances', level: 'ok', found: `${alive} alive` });
    });
  } catch (error) {
    if (!(error instanceof StartError) && !(error instanceof StoreUnavailableError)) throw error;
    const change =
      store.kind === 'redis'
        ? 'look whether it runs there, for its user with its rights, password and TLS, and for a firewall'
        : 'look at A2A_DATA_DIR; the first start of a server makes the database';
    findings.push({ check: 'store', level: 'fail', found: error.message, change });
    return { findings, isReached: false };
  }
  return { findings, isReached: true };
}

const toLine = ({ check, level, found, change }: Finding): string =>
  `${MARKS[level]}  ${check}: ${found}\n${change === undefined ? '' : `      -> ${change}\n`}`;
