/** `holdfast erase`: deletes the sessions of a tenant, of a subject, or one, wherever they are held. */
import { parseArgs } from 'node:util';
import { ConfigError, parseConfig, type Config } from '../config.ts';
import type { ErasureTarget } from '../sessions/erasure-store.ts';
import { ErasureFailedError, type ErasureReport } from '../sessions/eraser.ts';
import { auditCommand } from './audit-line.ts';
import type { Terminal } from './terminal.ts';

export const ERASE_USAGE = `Usage: holdfast erase --tenant <tenant> [--subject <subject>] [--session <id>] --yes [--json]

Deletes all sessions of a tenant, those of a subject in it, or one session: in the store, in the memory
of all instances, and in their outage journals. The store is the one that the environment names. Without
credentials the tenant is called default.
Exit codes: 0 erased, 2 not understood, 3 the store is away or in use: what was erased is told, ask again.
`;

/** How to erase in the store that a configuration names, and how to leave it. Throws when it cannot be opened. */
export type OpenEraser = (config: Config) => Promise<{
  readonly erase: (target: ErasureTarget) => Promise<ErasureReport>;
  readonly close: () => Promise<void>;
}>;

/** @returns exit code */
export async function runErase(
  args: readonly string[],
  terminal: Terminal,
  open: OpenEraser,
): Promise<number> {
  const { out, err } = terminal;
  if (args.includes('--help') || args.includes('-h')) {
    out(ERASE_USAGE);
    return 0;
  }
  const asked = readArgs(args);
  if (typeof asked === 'string') {
    err(`holdfast: ${asked}\n${ERASE_USAGE}`);
    return 2;
  }
  try {
    const { erase, close } = await open(parseConfig(terminal.env));
    try {
      const done = await erase(asked.target);
      auditCommand(terminal, 'sessions_erased', { target: asked.target, done });
      tell(done, asked.isJson, terminal);
      return 0;
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof ConfigError) {
      err(`${error.message}\n`);
      return 2;
    }
    if (!(error instanceof Error)) throw error;
    err(`holdfast: ${error.message}\n`);
    if (error instanceof ErasureFailedError) {
      auditCommand(terminal, 'erasure_incomplete', { target: asked.target, done: error.done });
      tell(error.done, asked.isJson, terminal);
    }
    return 3;
  }
}

/** @returns a string that says what is wrong */
function readArgs(args: readonly string[]): { target: ErasureTarget; isJson: boolean } | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        tenant: { type: 'string' },
        subject: { type: 'string' },
        session: { type: 'string' },
        yes: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { tenant, subject, session, yes, json = false } = values;
  if (tenant === undefined || tenant === '') return '--tenant is required';
  if (subject === '' || session === '') return '--subject and --session must not be empty';
  if (yes !== true) return 'what is erased does not come back: say --yes';
  const target = {
    tenant,
    ...(subject !== undefined && { subject }),
    ...(session !== undefined && { sessionId: session }),
  };
  return { target, isJson: json };
}

function tell(report: ErasureReport, isJson: boolean, { out, err }: Terminal): void {
  if (isJson) {
    out(`${JSON.stringify(report)}\n`);
    return;
  }
  const { sessions, records, bytes, tasks, aliases, cachedSessions, waitingRecords } = report;
  out(
    `Erased from the store: ${sessions} sessions, ${records} records, ${bytes} bytes, ${tasks} tasks, ${aliases} aliases.\n` +
      `Erased from ${report.instances} instances: ${cachedSessions} sessions in memory, ${waitingRecords} records that waited for the store.\n`,
  );
  if (report.unanswered.length > 0)
    err(
      `Not answered yet: ${report.unanswered.join(', ')}. They give up what they hold as soon as they are back.\n`,
    );
  if (report.unattributed > 0)
    err(`Left: ${report.unattributed} sessions of which is not recorded who began them.\n`);
}
