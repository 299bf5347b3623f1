import type { DurationMs } from '../../protocol/units.ts';
import type { Drafts } from './drafts.ts';
import { isCompacted } from './ended-tasks.ts';
import type { FeedPosition } from './feed-position.ts';
import { JournalReader } from './journal-reader.ts';
import type { AppliedRecord } from './recent-records.ts';
import type { Identity, RecordBody } from './records.ts';
import { SeenAhead } from './seen-ahead.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionRef } from './session-ref.ts';
import { StoreUnavailableError, TAIL_MAX_RECORDS } from './session-store.ts';
import type { StoredJournal } from './stored-journal.ts';

/** What a follower is given, and where it leaves it. */
export interface FeedEntry {
  readonly body: RecordBody;
  readonly position: FeedPosition;
}

export type Pull =
  /** In journal order; none: there is nothing new. */
  | { readonly kind: 'entries'; readonly entries: readonly FeedEntry[] }
  /** The journal does not lead on from where the follower stands: it has to begin with what the session is now. */
  | { readonly kind: 'reset' }
  /** The session is gone. */
  | { readonly kind: 'gone' }
  /** What comes next cannot be read now, because the store is away. */
  | { readonly kind: 'unavailable' }
  /** The session is being read anew. */
  | { readonly kind: 'loading' };

/** How followers wait together where much is going on. */
export interface Stride {
  /** Calls back when it is time to go on, perhaps at once. */
  rest(go: () => void): void;
  cancel(go: () => void): void;
}

/** What a follower reads from: one session's layers, and its store. */
export interface FeedSource {
  readonly parts: SessionParts;
  readonly ref: SessionRef;
  readonly journal: StoredJournal;
  readonly drafts: Drafts;
  /** Called after every change of what may be told. @returns how to stop */
  observe(listener: () => void): () => void;
}

/**
 * Reads the records of one task as they are stored, and behind them those that were acknowledged from memory. It pulls:
 * nothing is kept for one that is slow. What it was given from memory is not given again once it is stored, wherever that
 * is. The session has to be pinned meanwhile.
 */
export class JournalFollower {
  readonly #source: FeedSource;
  readonly #task: string;
  readonly #reader: JournalReader;
  #epoch: string;
  #n: number;
  readonly #seen: SeenAhead;
  #generation: number;
  /** Of the record at the position, where it is known. */
  #identity: Identity | undefined;
  #hasNews = true;
  #wake: (() => void) | undefined;
  readonly #stopObserving: () => void;
  #isClosed = false;

  /**
   * @param task local id; records of others are passed over
   * @param from where it was before; absent: where the session stands now
   */
  constructor(source: FeedSource, task: string, from?: FeedPosition) {
    this.#source = source;
    this.#task = task;
    this.#reader = new JournalReader(source.parts.store, source.ref);
    this.#seen = new SeenAhead(source.journal, source.drafts, from?.deferred);
    if (from === undefined) this.#seen.all();
    const { epoch, head } = source.journal.session;
    this.#epoch = from?.epoch ?? epoch;
    this.#n = from?.n ?? head;
    this.#generation = source.journal.generation;
    source.journal.recent.follow(source.journal.session.head);
    this.#stopObserving = source.observe(() => {
      this.#hasNews = true;
      this.#wake?.();
    });
  }

  get position(): FeedPosition {
    const stored = { epoch: this.#epoch, n: this.#n };
    return this.#seen.isAhead ? { ...stored, ...this.#seen.mark } : stored;
  }

  /** Something has changed since the last pull was begun. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** Stands where the session stands now: for whoever is about to look at all of it. */
  restart(): FeedPosition {
    this.#standAtHead();
    this.#seen.all();
    this.#generation = this.#source.journal.generation;
    this.#identity = undefined;
    return this.position;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopObserving();
    this.#source.journal.recent.unfollow();
  }

  /**
   * Resolves when there may be something to pull, or after a while, or when the signal is aborted.
   *
   * @param stride where there is something, more is waited for by this
   */
  async news(withinMs: DurationMs, signal: AbortSignal, stride?: Stride): Promise<void> {
    if (signal.aborted || (this.#hasNews && stride === undefined)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        done();
      }, withinMs);
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        stride?.cancel(done);
        this.#wake = undefined;
        resolve();
      };
      const wake = (): void => {
        if (stride === undefined) done();
        else {
          this.#wake = undefined;
          stride.rest(done);
        }
      };
      signal.addEventListener('abort', done);
      this.#wake = wake;
      if (this.#hasNews) wake();
    });
  }

  /**
   * What comes next: some of it when it is much.
   *
   * @throws {SessionDamagedError}
   */
  async pull(): Promise<Pull> {
    for (;;) {
      this.#hasNews = false;
      const { journal } = this.#source;
      const state = this.#judge();
      if (state !== 'fits') return { kind: state };
      const n = this.#n;
      if (n === journal.session.head) return { kind: 'entries', entries: this.#deferred() };
      const applied = journal.recent.after(n) ?? (await this.#stored());
      if (typeof applied === 'string') return { kind: applied };
      // While the store was asked the session may have begun anew: then all of it is of another one.
      if (this.#judge() !== 'fits') continue;
      const entries = this.#take(applied);
      if (entries === 'reset') return { kind: 'reset' };
      if (entries.length > 0) return { kind: 'entries', entries };
    }
  }

  #judge(): 'fits' | 'reset' | 'gone' | 'loading' {
    const { journal, drafts } = this.#source;
    const { session } = journal;
    const isWaiting = drafts.lastDeferred() !== undefined;
    if (journal.hasEnded && !isWaiting) return 'gone';
    if (!session.exists && !isWaiting) return 'loading';
    // Who has seen nothing that is stored goes on in whatever session its records have come to.
    const isFresh = this.#n === 0 && this.#seen.isAhead;
    if (isFresh) this.#generation = journal.generation;
    else if (this.#epoch !== session.epoch || this.#generation !== journal.generation) return 'reset';
    return this.#n <= session.head && this.#seen.isKnown ? 'fits' : 'reset';
  }

  /** Records that this process does not have in its memory any more. */
  async #stored(): Promise<readonly AppliedRecord[] | 'reset' | 'gone' | 'unavailable'> {
    const { epoch } = this.#source.journal.session;
    try {
      // Whose a record is matters only to who was given some of an instance's before they were stored.
      return await this.#reader.after(epoch, this.#n, this.#seen.isAhead ? this.#identity : 'any');
    } catch (error) {
      if (error instanceof StoreUnavailableError) return 'unavailable';
      throw error;
    }
  }

  #take(applied: readonly AppliedRecord[]): FeedEntry[] | 'reset' {
    const { session } = this.#source.journal;
    const entries: FeedEntry[] = [];
    for (const { n, record } of applied) {
      // The store may know more than this session has applied: that is for when it has.
      if (n > session.head) break;
      if (record === undefined && !this.#isOthers(n)) return 'reset';
      const writer = record?.identity;
      if (this.#seen.isAhead && writer?.instance === '') return 'reset';
      const wasGiven = writer !== undefined && this.#seen.meet(writer);
      [this.#epoch, this.#n] = [session.epoch, n];
      this.#identity = writer?.instance === '' ? undefined : writer;
      if (record?.body !== undefined && !wasGiven && this.#concerns(record.body))
        entries.push({ body: record.body, position: this.position });
    }
    return entries;
  }

  /** What was acknowledged and waits for the store. */
  #deferred(): FeedEntry[] {
    this.#standAtHead();
    this.#seen.tidy();
    const entries: FeedEntry[] = [];
    let count = 0;
    for (const { identity, body } of this.#source.drafts.deferredAfter((other) => this.#seen.has(other))) {
      if (count++ === TAIL_MAX_RECORDS) break;
      this.#seen.add(identity);
      if (this.#concerns(body)) entries.push({ body, position: this.position });
    }
    return entries;
  }

  #standAtHead(): void {
    const { epoch, head } = this.#source.journal.session;
    [this.#epoch, this.#n] = [epoch, head];
  }

  #concerns(body: RecordBody): boolean {
    return 'task' in body && body.task === this.#task;
  }

  /** Whether a record that is missing was another task's, and is no loss. */
  #isOthers(n: number): boolean {
    const { session } = this.#source.journal;
    const own = session.task(this.#task)?.compacted ?? [];
    return isCompacted(session, n) && !own.some(([from, to]) => from <= n && n <= to);
  }
}
