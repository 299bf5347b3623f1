import type { Batch, Intent } from './change.ts';
import { foldBehind } from './commit-request.ts';
import { formatIdentity, type DecidedRecord, type Identity } from './records.ts';
import type { Session } from './session.ts';
import type { StoredJournal } from './stored-journal.ts';

const NOTHING: readonly Identity[] = [];

/** The stored fold with changes on top that are not stored yet. Rebuilt when the stored layer has moved; costs the queue. */
export class Drafts {
  readonly #journal: StoredJournal;
  readonly #queue: { readonly intents: readonly Intent[] };
  #draft: Session | undefined;
  #acknowledged: Session | undefined;
  /** What they are layers over: it must not change under them. */
  #base: Session | undefined;
  #baseHead = 0;
  #unsure = NOTHING;

  /** @param queue the changes in order, those that are acknowledged first */
  constructor(journal: StoredJournal, queue: { readonly intents: readonly Intent[] }) {
    this.#journal = journal;
    this.#queue = queue;
  }

  /** With everything that is under way: what the next change is decided on. */
  get draft(): Session {
    this.#dropStale();
    if (this.#draft === undefined) {
      this.#draft = this.#fork();
      for (const intent of this.#queue.intents) this.extend(intent.records, this.#draft);
    }
    return this.#draft;
  }

  /** With what was acknowledged, and nothing that nobody was told of. */
  get acknowledged(): Session {
    if (this.#queue.intents.at(-1)?.acknowledged === true) return this.draft;
    this.#dropStale();
    if (this.#acknowledged === undefined) {
      this.#acknowledged = this.#fork();
      for (const { acknowledged, records } of this.#queue.intents)
        if (acknowledged) this.extend(records, this.#acknowledged);
    }
    return this.#acknowledged;
  }

  /** What was acknowledged and does not stand in the stored layer, behind what was seen of it. */
  deferredAfter(isSeen: (identity: Identity) => boolean): readonly DecidedRecord[] {
    const behind: DecidedRecord[] = [];
    for (const record of this.#waitingFromLast()) {
      if (isSeen(record.identity)) break;
      behind.push(record);
    }
    return behind.reverse();
  }

  /** A change fails without an answer of the store: what it was offered with may have been stored, or may yet be. */
  givenUp({ offered, records }: Intent): void {
    if (offered !== records) return;
    this.#unsure = [...this.unsure, ...records.map(({ identity }) => identity)];
  }

  /** What never was acknowledged and may yet turn out to be stored, whatever its caller was told. */
  get unsure(): readonly Identity[] {
    if (this.#unsure.length === 0) return this.#unsure;
    // A store that went back is given some of it again, as what was acknowledged.
    const offered = new Set([...this.#waitingFromLast()].map(({ identity }) => formatIdentity(identity)));
    return this.#unsure.filter(
      (identity) => !this.#journal.has(identity) && !offered.has(formatIdentity(identity)),
    );
  }

  /** The last record that was acknowledged and does not stand in the stored layer. @param of only an instance's */
  lastDeferred(of?: string): Identity | undefined {
    for (const { identity } of this.#waitingFromLast())
      if (of === undefined || identity.instance === of) return identity;
    return undefined;
  }

  /** The last first: whoever asks wants what is new, and there may be much. */
  *#waitingFromLast(): Generator<DecidedRecord> {
    const intents = this.#queue.intents;
    for (let i = intents.length - 1; i >= 0; i -= 1) {
      const { acknowledged, records } = intents[i] as Intent;
      if (!acknowledged) continue;
      for (const record of records.toReversed()) if (!this.#journal.has(record.identity)) yield record;
    }
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

  /** The session as it will be when a batch that was just taken is stored: the draft, when nothing else waits. */
  behind({ intents, records }: Batch): Session {
    const { session } = this.#journal;
    const { draft } = this;
    const isAll =
      intents.length === this.#queue.intents.length && draft.head === session.head + records.length;
    return isAll ? draft : foldBehind(session, records);
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
    for (const record of records) this.add(record, draft);
  }

  /** As {@link extend}, for one record. */
  add({ identity, body, bytes }: DecidedRecord, draft: Session): void {
    if (this.#journal.has(identity)) return;
    draft.apply({ n: draft.head + 1, identity, body, skippable: false, bytes });
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
