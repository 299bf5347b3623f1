import type { DurationMs } from '../../protocol/units.ts';
import type { ChangesOwner } from './change.ts';
import type { ChangeQueue } from './change-queue.ts';
import { loadJournal, type FoundJournal } from './journal-load.ts';
import type { KeptBase } from './outage-journal.ts';
import { randomText } from './random-pool.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import {
  StoreUnavailableError,
  type JournalSnapshot,
  type JournalTail,
  type Tombstone,
} from './session-store.ts';
import type { Session } from './session.ts';
import { StoredJournal, type Absorbed } from './stored-journal.ts';

const newEpoch = (): string => randomText(12);

/** How the stored layer of one session follows the store: what was missed, a journal read anew, the end of a session. */
export class SessionCatchUp {
  readonly #parts: SessionParts;
  readonly #ref: SessionRef;
  readonly #journal: StoredJournal;
  readonly #queue: ChangeQueue;
  readonly #owner: ChangesOwner;
  #tombstone = '';
  #createEpoch: string | undefined;
  /** A commit is under way: what it was decided on has to stay as it is. */
  inFlight = false;
  /** The stored layer is not the one that the queue was decided on: before the next commit it is decided again. */
  #isStale = false;
  /** As much of the store was in it when the queue was decided. */
  #takenIn: number;
  /** What waits was begun under an id that turned out to be taken. */
  #isMerging = false;
  #reloading: Promise<Absorbed> | undefined;

  constructor(
    parts: SessionParts,
    ref: SessionRef,
    journal: StoredJournal,
    queue: ChangeQueue,
    owner: ChangesOwner,
  ) {
    this.#parts = parts;
    this.#ref = ref;
    this.#journal = journal;
    this.#queue = queue;
    this.#owner = owner;
    this.#takenIn = journal.takenIn;
  }

  /** A removed session under this id: a create has to name it. */
  get tombstone(): string {
    return this.#tombstone;
  }
  /** Nothing is under way, and there is nothing to remember. */
  get isOver(): boolean {
    const remembers = this.#tombstone !== '' || this.#createEpoch !== undefined || this.#isMerging;
    return !remembers && !this.inFlight && !this.isStale && this.#reloading === undefined;
  }
  /** At once when something is taken in, not only when all of it is: a commit may be put together in between. */
  get isStale(): boolean {
    return this.#isStale || this.#takenIn !== this.#journal.takenIn;
  }
  /** What a new process would have to know to go on from here. */
  get standing(): KeptBase {
    const { exists, epoch } = this.#journal.session;
    return {
      epoch: exists ? epoch : '',
      createEpoch: exists ? '' : (this.#createEpoch ?? ''),
      tombstone: exists ? '' : this.#tombstone,
    };
  }

  /** Goes on from where a process stood that is gone: the session is not in the store, or not known to be. */
  goOn({ createEpoch, tombstone }: KeptBase): void {
    if (createEpoch !== '') this.#createEpoch = createEpoch;
    this.#tombstone = tombstone;
  }

  /** What waits is not what the queue was decided on: others' changes came in front, and followers have to look again. */
  decideAgain(): void {
    this.#journal.beginAnew();
    this.#isStale = true;
    this.#moved();
  }

  /**
   * Catches up: one read, and more where its tail is long.
   *
   * @returns whether the session is there
   * @throws {StoreUnavailableError} @throws {SessionDamagedError}
   */
  async catchUp(renewTtlMs?: DurationMs): Promise<boolean> {
    const before = this.#journal.session;
    const { exists: existed, cursor: known } = before;
    const readAt = this.#parts.clock.mono();
    const read = await this.#parts.store.read(this.#ref, existed ? known : undefined, renewTtlMs);
    // Begun or ended by a commit since the read was sent: that is the newer word, and this one may be about another epoch.
    if (this.#isOther(before, existed)) return this.catchUp(renewTtlMs);
    if (!read.found) {
      // A session begun here has ended too when it is older than the deletion.
      if (existed || read.tombstone !== undefined) this.becomeGone(read.tombstone, readAt);
      this.#moved();
      return false;
    }
    // An attempt to begin it may have been carried out, and deleted since: that is for its retry to find out.
    const isBeginning = !existed && this.#createEpoch !== undefined && this.#queue.hasDeferred;
    if (isBeginning && read.cursor.epoch !== this.#createEpoch)
      throw new StoreUnavailableError('what was begun here has to be stored first', { counts: false });
    const isAnother = existed && before.epoch !== read.cursor.epoch;
    if (isAnother) this.becomeGone(undefined, readAt);
    const isNew = isAnother || !existed;
    const absorbed = isNew
      ? await this.load({ read, readAt })
      : read.after < known.head
        ? await this.wentBack()
        : await this.absorb(read, readAt);
    if (absorbed === 'superseded') return this.catchUp(renewTtlMs);
    if (isNew || before !== this.#journal.session) this.#isStale = true;
    this.#moved();
    return absorbed === 'there';
  }

  #isOther(before: Session, existed: boolean): boolean {
    const { session } = this.#journal;
    return session !== before || session.exists !== existed;
  }

  /** Decides the queue again if that is due, and a commit in flight does not forbid it. */
  #moved(): void {
    if (this.isStale && !this.inFlight) this.redecide();
  }

  /** Decides the queue again, on what the stored layer is now. */
  redecide(): void {
    const isMerging = this.#isMerging;
    if (isMerging) this.#createEpoch = undefined;
    this.#isStale = false;
    this.#takenIn = this.#journal.takenIn;
    this.#isMerging = false;
    this.#queue.redecide(isMerging);
  }

  /** Takes in what follows the head; where it does not, the journal is read anew. */
  async absorb(
    tail: JournalSnapshot & { readonly tail: JournalTail },
    readAt: DurationMs,
  ): Promise<Absorbed> {
    const absorbed = await this.#journal.absorb(tail.tail, tail, readAt).catch((error: unknown) => {
      this.#queue.invalidate();
      throw error;
    });
    if (absorbed === 'superseded') return absorbed;
    const found = this.#journal.takeFound();
    if (absorbed === 'diverged') return this.wentBack();
    this.#queue.dropStored();
    for (const records of found)
      this.#parts.own.keepFound(this.#ref, this.#journal.session.cursor, records, readAt);
    if (absorbed === 'gone') this.becomeGone(undefined, readAt);
    this.#owner.changed();
    return absorbed;
  }

  /**
   * Reads the session from its first record.
   *
   * @param first what is known of it by an answer of the store
   */
  async load(first?: { read: FoundJournal; readAt: DurationMs }, wentBack = false): Promise<Absorbed> {
    const before = this.#journal.session;
    const { exists: existed } = before;
    const readAt = this.#parts.clock.mono();
    const loaded = await loadJournal(this.#parts, this.#ref, first);
    if (this.#isOther(before, existed)) return 'superseded';
    if (!(loaded instanceof StoredJournal)) {
      this.becomeGone(loaded.tombstone, readAt);
      return 'gone';
    }
    const { epoch, head } = loaded.session;
    // What was begun here and is found begun by somebody else; what a lost attempt of ours began is our own.
    if (!existed) this.#isMerging = epoch !== this.#createEpoch;
    else if (epoch !== before.epoch) {
      this.becomeGone(undefined, readAt);
      this.#isMerging = false;
    }
    this.#createEpoch = undefined;
    this.#journal.adopt(loaded);
    this.#queue.dropStored();
    const again = this.#parts.own.takeMissing(this.#ref, epoch, (instance) => loaded.seqOf(instance));
    const offered = this.#queue.offerAgain(again);
    if (wentBack || offered > 0) {
      this.#journal.hasGoneBack = true;
      const givenUp = Math.max(0, before.head - head - offered);
      this.#parts.log('store_went_back', {
        ...this.#ref,
        head: before.head,
        storedHead: head,
        offered,
        givenUp,
      });
    }
    this.#queue.invalidate();
    this.#isStale = true;
    this.#owner.changed();
    return 'there';
  }

  /**
   * A lagging replica was promoted, or the end of a log was lost: what is here is not what is there. What this process
   * stored within the last minute is offered once more; several who notice do so once.
   */
  wentBack(): Promise<Absorbed> {
    this.#reloading ??= this.load(undefined, true).finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  /** What was acknowledged is to be begun in the store: the outage journal has to know with which epoch. */
  willBegin(): boolean {
    if (this.#journal.session.exists || !this.#queue.hasDeferred) return false;
    this.#createEpoch ??= newEpoch();
    return true;
  }

  /** The same epoch for every attempt, so that a create whose answer was lost is known again. */
  beginEpoch(): { epoch: string; tombstone: string } {
    this.#createEpoch ??= newEpoch();
    if (this.#journal.session.epoch !== this.#createEpoch) {
      this.#journal.reset(this.#createEpoch);
      this.#queue.invalidate();
    }
    return { epoch: this.#createEpoch, tombstone: this.#tombstone };
  }

  /**
   * The session has ended in the store: what this instance remembers of it must not come back.
   *
   * @param mono when the store was asked: its answer may have been long on its way
   */
  becomeGone(tombstone: Tombstone | undefined, mono: DurationMs): void {
    const { exists } = this.#journal.session;
    const why =
      tombstone !== undefined ? 'deleted' : mono >= this.#journal.expiresAt - 1_000 ? 'expired' : 'lost';
    // Begun here while the store was away, and after the one before had been deleted: new, not revived.
    const began = this.#queue.oldestDeferred;
    const isNew =
      !exists &&
      (tombstone === undefined ||
        (tombstone.epoch !== this.#createEpoch &&
          began !== undefined &&
          mono - began <= tombstone.deletedAgoMs + 1));
    if (exists) this.#parts.log('session_gone', { ...this.#ref, why });
    if (!isNew) this.dropDeferred(why);
    this.#tombstone = tombstone?.epoch ?? '';
    // An attempt to begin what is kept may still be on its way: it has to be known again.
    if (!isNew) this.#createEpoch = undefined;
    this.#journal.end();
    this.#parts.own.forget(this.#ref);
    this.#isStale = true;
    this.#isMerging = false;
    this.#queue.loseBase();
    this.#owner.changed();
  }

  /** Begun here, not in the store, and erased. */
  giveUp(): void {
    this.dropDeferred('erased');
    this.#createEpoch = undefined;
    this.#journal.end();
    this.#isStale = true;
    this.#queue.loseBase();
    this.#owner.changed();
  }

  /** It is in the store. */
  hasBegun(): void {
    this.#createEpoch = undefined;
    this.#tombstone = '';
  }

  /** Gives up acknowledged records, which is always logged and counted. */
  dropDeferred(why: 'deleted' | 'expired' | 'lost' | 'damaged' | 'erased'): void {
    const records = this.#queue.dropDeferred();
    if (records === 0) return;
    this.#parts.log('records_dropped', { ...this.#ref, records, why });
    this.#parts.counters.dropped(records, why);
  }
}
