import type { Intent } from './change.ts';
import type { DecidedRecord } from './records.ts';
import type { Session } from './session.ts';
import type { StoredJournal } from './stored-journal.ts';

/** The stored fold with changes on top that are not stored yet. Rebuilt when the stored layer has moved; costs the queue. */
export class Drafts {
  readonly #journal: StoredJournal;
  readonly #intents: () => readonly Intent[];
  #draft: Session | undefined;
  #acknowledged: Session | undefined;
  /** What they are layers over: it must not change under them. */
  #base: Session | undefined;
  #baseHead = 0;

  /** @param intents the changes in order, those that are acknowledged first */
  constructor(journal: StoredJournal, intents: () => readonly Intent[]) {
    this.#journal = journal;
    this.#intents = intents;
  }

  /** With everything that is under way: what the next change is decided on. */
  get draft(): Session {
    this.#dropStale();
    if (this.#draft === undefined) {
      this.#draft = this.#fork();
      for (const intent of this.#intents()) this.extend(intent.records, this.#draft);
    }
    return this.#draft;
  }

  /** With what was acknowledged, and nothing that nobody was told of. */
  get acknowledged(): Session {
    if (this.#intents().at(-1)?.deferred === true) return this.draft;
    this.#dropStale();
    if (this.#acknowledged === undefined) {
      this.#acknowledged = this.#fork();
      for (const { deferred, records } of this.#intents())
        if (deferred) this.extend(records, this.#acknowledged);
    }
    return this.#acknowledged;
  }

  /** What was acknowledged and does not stand in the stored layer, behind a seq. */
  *deferredAfter(seq: number): Generator<DecidedRecord> {
    const after = Math.max(seq, this.#journal.ownSeq);
    for (const { deferred, records } of this.#intents()) {
      if (!deferred) return;
      for (const record of records) if (record.identity.seq > after) yield record;
    }
  }

  /** Seq of the last record that was acknowledged and does not stand in the stored layer; 0 when there is none. */
  get lastDeferredSeq(): number {
    const last = this.#intents().findLast(({ deferred, records }) => deferred && records.length > 0);
    const seq = last?.records.at(-1)?.identity.seq ?? 0;
    return seq > this.#journal.ownSeq ? seq : 0;
  }

  /** Whether a change still makes sense behind those that are queued now. */
  stands(intent: Intent): boolean {
    const trial = this.draft.fork();
    return intent.records.every((record) => {
      const stands = trial.check(record.body) === undefined;
      this.extend([record], trial);
      return stands;
    });
  }

  invalidate(): void {
    this.#draft = undefined;
    this.#acknowledged = undefined;
  }

  /** What is acknowledged has grown. */
  grown(): void {
    this.#acknowledged = undefined;
  }

  /** What an earlier attempt has stored stands in the layer below already. */
  extend(records: readonly DecidedRecord[], draft: Session): void {
    for (const { identity, body, bytes } of records) {
      if (identity.seq <= this.#journal.ownSeq) continue;
      draft.apply({ n: draft.head + 1, identity, body, skippable: false, bytes });
    }
  }

  #fork(): Session {
    this.#base = this.#journal.session;
    this.#baseHead = this.#base.head;
    return this.#base.fork();
  }

  #dropStale(): void {
    const { session } = this.#journal;
    if (this.#base !== session || this.#baseHead !== session.head) this.invalidate();
  }
}
