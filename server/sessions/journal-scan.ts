import type { Identity, RecordBody } from './records.ts';
import { fromStoredJson } from './stored-json.ts';
import { Session } from './session.ts';
import type { SessionRef } from './session-ref.ts';
import {
  type JournalSnapshot,
  type SessionStore,
  type StoredRecord,
  StoreUnavailableError,
} from './session-store.ts';

/** A record of a journal that is read from its first one. */
export interface ScannedRecord {
  readonly n: number;
  /** As it is stored; null: it is not there. */
  readonly json: string | null;
  /** Whose it is, or must be where it does not say so itself. */
  readonly identity: Identity;
  /** undefined where it cannot be read or is not known. */
  readonly body: RecordBody | undefined;
}

/** A whole journal as the store has it, folded beside every session that is in use. */
export interface ScannedJournal {
  readonly snapshot: JournalSnapshot;
  readonly session: Session;
  /** Numbers of records that are there and cannot be read. */
  readonly damaged: readonly number[];
  /** Numbers of records that are not there although nothing has replaced them. */
  readonly lost: readonly number[];
  /** Numbers of records of a type that this release does not know. */
  readonly unknown: readonly number[];
}

/** A session that is another one at each look is not one to report on. */
const TRIES = 3;

/** Folds a journal from its first record, and notes what of it cannot be read. */
export class JournalScan {
  readonly session: Session;
  readonly damaged: number[] = [];
  readonly unknown: number[] = [];
  readonly #missing: number[] = [];

  constructor(ref: SessionRef, epoch: string) {
    this.session = new Session(ref, epoch);
  }

  take({ n, json }: StoredRecord): ScannedRecord {
    const { session } = this;
    const record = fromStoredJson(n, json, session.w);
    if (record !== undefined) {
      if (record.body === undefined) this.unknown.push(n);
      session.apply(record);
      return { n, json, identity: record.identity, body: record.body };
    }
    if (json === null) {
      this.#missing.push(n);
      session.applyMissing(n);
    } else {
      this.damaged.push(n);
      session.applyDamaged(n);
    }
    // One that cannot be read counts on from the one in front of it, as for all who read it.
    return { n, json, identity: session.w ?? { instance: 'unknown', seq: n }, body: undefined };
  }

  /** What is not there, and was not compacted. */
  get lost(): number[] {
    if (this.#missing.length === 0) return [];
    const compacted = this.session.tasks().flatMap((task) => task.compacted);
    return this.#missing.filter((n) => !compacted.some(([from, to]) => n >= from && n <= to));
  }
}

/**
 * @param onRecord told every record in order; told again from the first when the session began anew meanwhile
 * @returns undefined when there is no such session
 * @throws {StoreUnavailableError} @throws {SessionDamagedError}
 */
export async function scanJournal(
  store: SessionStore,
  ref: SessionRef,
  onRecord: (record: ScannedRecord) => void = () => undefined,
): Promise<ScannedJournal | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const first = await store.read(ref);
    if (!first.found) return undefined;
    const scan = new JournalScan(ref, first.cursor.epoch);
    let read = first;
    for (;;) {
      for (const record of read.tail.records)
        if (record.n === scan.session.head + 1) onRecord(scan.take(record));
      if (!read.tail.more) {
        const { session, damaged, lost, unknown } = scan;
        return { snapshot: read, session, damaged, lost, unknown };
      }
      const next = await store.read(ref, scan.session.cursor);
      if (!next.found || next.cursor.epoch !== scan.session.epoch || next.after !== scan.session.head) break;
      read = next;
    }
  }
  throw new StoreUnavailableError('the session is another one at every read', { counts: false });
}
