import type { AppliedRecord } from './recent-records.ts';
import type { Identity } from './records.ts';
import { fromStoredJson } from './stored-json.ts';
import type { SessionRef } from './session-ref.ts';
import { TAIL_MAX_RECORDS, type SessionStore } from './session-store.ts';

/** Whose a record is when that cannot be known; no instance is called so. */
const NOBODY: Identity = { instance: '', seq: 0 };

/** Reads records of a session from the middle of its journal, in bounded portions. */
export class JournalReader {
  readonly #store: SessionStore;
  readonly #ref: SessionRef;

  constructor(store: SessionStore, ref: SessionRef) {
    this.#store = store;
    this.#ref = ref;
  }

  /**
   * @param n only later records
   * @param before whose the record there is; `any` where it does not matter whose those behind it are. Undefined: it is
   *   found out, because a record does not say whose it is when it simply counts on
   * @returns at least one record; a record whose writer cannot be known has an instance without a name. `reset`: there is
   *   no such place in the journal (any more); `gone`: there is no session
   * @throws {StoreUnavailableError} @throws {SessionDamagedError}
   */
  async after(
    epoch: string,
    n: number,
    before: Identity | 'any' | undefined,
  ): Promise<readonly AppliedRecord[] | 'reset' | 'gone'> {
    // The first record of a commit says whose it is, and no commit is longer.
    let at = before === undefined ? Math.max(0, n - TAIL_MAX_RECORDS) : n;
    let last = before === undefined || before === 'any' ? NOBODY : before;
    for (;;) {
      const read = await this.#store.read(this.#ref, { epoch, head: at, w: '' });
      if (!read.found) return 'gone';
      if (read.cursor.epoch !== epoch || read.after !== at) return 'reset';
      const found: AppliedRecord[] = [];
      for (const { n: number, json } of read.tail.records) {
        if (number !== at + 1) return 'reset';
        at = number;
        const record = fromStoredJson(number, json, last);
        last = record?.identity ?? { instance: last.instance, seq: last.seq + 1 };
        if (number > n) found.push({ n: number, record });
      }
      if (found.length > 0) return found;
      if (!read.tail.more) return 'reset';
    }
  }
}
