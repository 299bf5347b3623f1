import { formOf, type RecordSealer } from '../../security/record-sealer.ts';
import type { Rewrite } from '../../sessions/rewrite-store.ts';
import { joinTaskId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import type { SessionStore, StoredRecord } from '../../sessions/session-store.ts';
import type { ListedTask, ListPosition } from '../../sessions/task-list.ts';
import { openSummary, sealedIn, sealSummary } from './sealed-summary.ts';

/** What was found in a session, and what became of it. */
export interface Migrated {
  readonly records: number;
  readonly summaries: number;
  /** Records and summaries that were, or would be, written in another form. */
  readonly rewritten: number;
  /** Not in the right form when they were read, and something else, or gone, when they were to be written. */
  readonly changed: number;
  /** Left as they are. */
  readonly unopened: number;
}

const PAGE = 500;

/**
 * Writes records and summaries in the form that the sealer writes now, beside whoever serves the session. Only what opens
 * is sealed: where plain content does not count it stays plain, because sealing would vouch for it.
 *
 * @param stored the store behind the sealing one
 * @param writes false: says what it would do
 * @returns undefined when there is no such session
 * @throws {SessionDamagedError} @throws {StoreUnavailableError}
 */
export async function migrateSession(
  stored: SessionStore,
  sealer: RecordSealer,
  ref: SessionRef,
  writes: boolean,
): Promise<Migrated | undefined> {
  sealer.look();
  let read = await stored.read(ref);
  if (!read.found) return undefined;
  const { epoch } = read.cursor;
  const session = new SessionForms(sealer, ref, epoch);
  const apply = async (rewrites: readonly Rewrite[]): Promise<void> => {
    session.noteWritten(
      rewrites.length,
      writes ? await stored.rewrite(ref, epoch, rewrites) : rewrites.length,
    );
  };
  // What is stored behind the head that was read first, or in a session that has begun anew, has the form already.
  while (read.found && read.cursor.epoch === epoch) {
    await apply(await session.records(read.tail.records));
    const last = read.tail.records.at(-1);
    if (!read.tail.more || last === undefined) break;
    read = await stored.read(ref, { epoch, head: last.n, w: '' });
    if (read.found && read.after !== last.n) break;
  }
  for await (const page of summariesOf(stored, ref)) await apply(await session.summaries(page));
  return session.found;
}

class SessionForms {
  readonly found = { records: 0, summaries: 0, rewritten: 0, changed: 0, unopened: 0 };
  readonly #sealer: RecordSealer;
  readonly #ref: SessionRef;
  readonly #epoch: string;

  constructor(sealer: RecordSealer, ref: SessionRef, epoch: string) {
    this.#sealer = sealer;
    this.#ref = ref;
    this.#epoch = epoch;
  }

  noteWritten(wanted: number, done: number): void {
    this.found.rewritten += done;
    this.found.changed += wanted - done;
  }

  /** @returns those that are not in the right form */
  async records(records: readonly StoredRecord[]): Promise<Rewrite[]> {
    const there = records.flatMap(({ n, json }) => (json === null ? [] : [{ n, json }]));
    await this.#keysFor(there.map(({ json }) => json));
    // A scope keeps the key that it used last at hand, which is another for what is opened.
    const [opening, sealing] = [this.#scope('record', this.#epoch), this.#scope('record', this.#epoch)];
    const rewrites: Rewrite[] = [];
    this.found.records += there.length;
    for (const { n, json } of there) {
      const opened = opening.open(json, n);
      if (!('text' in opened)) {
        this.found.unopened += 1;
        continue;
      }
      const to = sealing.seal(opened.text, n);
      if (formOf(to) !== formOf(json)) rewrites.push({ at: n, from: json, to });
    }
    return rewrites;
  }

  /** @returns those that are not in the right form */
  async summaries(tasks: readonly ListedTask[]): Promise<Rewrite[]> {
    const there = tasks.filter(({ summary }) => summary !== '');
    await this.#keysFor(there.map(({ summary }) => sealedIn(summary) ?? ''));
    const [opening, sealing] = [this.#scope('summary'), this.#scope('summary')];
    const { encrypts, isRequired } = this.#sealer;
    const rewrites: Rewrite[] = [];
    this.found.summaries += there.length;
    for (const { local, summary } of there) {
      const before = this.found.unopened;
      const opened = openSummary(opening, local, summary, isRequired, () => (this.found.unopened += 1));
      if (this.found.unopened > before) continue;
      const to = encrypts ? sealSummary(sealing, local, opened) : opened;
      if (formOf(sealedIn(to) ?? '') !== formOf(sealedIn(summary) ?? ''))
        rewrites.push({ at: local, from: summary, to });
    }
    return rewrites;
  }

  #scope(kind: 'record' | 'summary', ...epoch: string[]) {
    return this.#sealer.scope(kind, this.#ref.tenant, this.#ref.sessionId, ...epoch);
  }

  /** Another instance may have a key that came since. */
  async #keysFor(texts: readonly string[]): Promise<void> {
    if (texts.some((text) => this.#sealer.lacksKeyOf(text))) await this.#sealer.refresh();
  }
}

async function* summariesOf(
  stored: SessionStore,
  { tenant, sessionId }: SessionRef,
): AsyncIterable<readonly ListedTask[]> {
  let after: ListPosition | undefined;
  for (;;) {
    const { tasks, more } = await stored.listTasks(tenant, {
      sessionId,
      limit: PAGE,
      ...(after && { after }),
    });
    yield tasks;
    const last = tasks.at(-1);
    if (!more || last === undefined) return;
    after = { statusAt: last.statusAt, taskId: joinTaskId(sessionId, last.local) };
  }
}
