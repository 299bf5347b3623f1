/** `holdfast sessions import`: a line at a time, so that what is in memory is one session. */
import { createReadStream } from 'node:fs';
import type { SessionRef } from '../sessions/session-ref.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, InputError, toJsonText, UsageError } from './console.ts';
import { type Imported, importSession } from './import-session.ts';
import { type OpenStore, shownPlace, withStore } from './open-store.ts';
import { Progress } from './progress.ts';
import { readHeader, readSessionLine } from './session-archive.ts';
import { printable } from './text-table.ts';

interface Counts {
  imported: number;
  /** The same session, as far as the file knows it. */
  there: number;
  skipped: number;
  refused: number;
}

export function importSessions(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { file: 'text', 'skip-existing': 'flag', json: 'flag' });
  const path = parsed.text('file');
  if (path === '') throw new UsageError('--file must name a file');
  return withStore(terminal, true, async (open) => {
    const counts = await importAll(open, terminal, path, parsed.flag('skip-existing'));
    const { imported, there, skipped, refused } = counts;
    if (parsed.flag('json')) terminal.out(toJsonText(counts));
    else
      terminal.out(
        `imported ${imported} sessions, there already ${there}, skipped ${skipped}, refused ${refused}\n`,
      );
    return refused === 0 ? CLI_EXIT.done : CLI_EXIT.found;
  });
}

async function importAll(
  open: OpenStore,
  terminal: Console,
  path: string | undefined,
  skips: boolean,
): Promise<Counts> {
  const counts: Counts = { imported: 0, there: 0, skipped: 0, refused: 0 };
  const progress = new Progress(terminal, 'imported');
  const noted = new Set<string>();
  let [at, read, end] = [0, 0, undefined as number | undefined];
  try {
    for await (const line of linesOf(path === undefined ? terminal.input() : textOf(path))) {
      at += 1;
      if (at === 1) {
        readHeader(line, open.config.scope);
        continue;
      }
      if (end !== undefined) throw new InputError(`line ${at}: there must be nothing behind the last line`);
      const found = readSessionLine(line, at);
      if ('end' in found) {
        end = found.end;
        continue;
      }
      read += 1;
      const { tenant } = found.ref;
      // Before its first session is there, so that whoever looks after sessions looks after these.
      if (!noted.has(tenant)) await open.store.noteTenant(tenant, open.instance);
      noted.add(tenant);
      const outcome = await importSession(open.store, found, open.instance, terminal.now);
      count(counts, outcome, skips, found.ref, terminal);
      progress.step(1);
    }
  } finally {
    progress.end();
    // It runs nothing, so nobody has to look for what it left.
    if (noted.size > 0) await open.store.forget(open.instance);
  }
  if (end === undefined) throw new InputError('the export has no last line: it was cut off. Import it whole');
  if (end !== read) throw new InputError(`the export should have ${end} sessions and has ${read}`);
  return counts;
}

function count(
  counts: Counts,
  outcome: Imported,
  skips: boolean,
  { tenant, sessionId }: SessionRef,
  terminal: Console,
): void {
  if (outcome === 'imported' || outcome === 'there') {
    counts[outcome] += 1;
    return;
  }
  if (outcome === 'exists' && skips) {
    counts.skipped += 1;
    return;
  }
  counts.refused += 1;
  const why = outcome === 'exists' ? 'another session of this id is there' : outcome.why;
  terminal.err(`refused: ${printable(sessionId)} of ${printable(shownPlace(tenant))}: ${why}\n`);
}

/** Whole lines; of a file that ends without a line break the last one too. */
async function* linesOf(texts: AsyncIterable<string>): AsyncIterable<string> {
  let pieces: string[] = [];
  for await (const text of texts) {
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      yield pieces.join('') + text.slice(from, to);
      pieces = [];
      from = to + 1;
    }
    if (from < text.length) pieces.push(text.slice(from));
  }
  if (pieces.length > 0) yield pieces.join('');
}

async function* textOf(path: string): AsyncIterable<string> {
  try {
    for await (const text of createReadStream(path, 'utf8')) yield String(text);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new InputError(`${path} cannot be read: ${code}`, { cause: error });
  }
}
