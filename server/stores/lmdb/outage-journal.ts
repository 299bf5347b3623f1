import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { DurationMs } from '../../../protocol/units.ts';
import { RecordSealer } from '../../security/record-sealer.ts';
import type { Identity } from '../../sessions/records.ts';
import { encodeId, refKey, type SessionRef } from '../../sessions/session-ref.ts';
import type { KeptBase, KeptChange, KeptSession, OutageJournal } from '../../sessions/outage-journal.ts';
import { decodeId } from '../encoded-ids.ts';
import { DataFolderLock } from './data-folder-lock.ts';
import {
  fromStored,
  OutageRows,
  OutageSealError,
  toStored,
  type OutageKey,
  type StoredBase,
} from './outage-rows.ts';
import { isFiller, overwriteFree } from './overwrite.ts';
import { checkBeginning, DamagedFileError, fillUp } from './whole-file.ts';

/** The schema version is in the name: an older release does not touch what it cannot read. */
export const OUTAGE_FILE = 'outage-1.mdb';

/**
 * A disk that takes longer is stuck. That is more than a request should wait, but it happens to the first ones alone:
 * after it the disk is left alone, and a busy one must not be taken for a stuck one.
 */
const WRITE_WITHIN_MS: DurationMs = 1_000;
/** After a failure the disk is left alone for so long: requests must not wait for it one after the other. */
const TRY_AGAIN_MS: DurationMs = 2_000;

export interface OutageJournalOptions {
  /** Made when missing. Only one process may have it open. */
  readonly folder: string;
  /** Told to a second process that finds the folder locked. */
  readonly pid: number;
  /** Acknowledge only what is on the disk: survives power loss. Default false: survives `kill -9`. */
  readonly sync?: boolean;
  readonly mono: () => DurationMs;
  /** Default: what is on the disk is plain, and nothing that is sealed can be read. */
  readonly sealer?: RecordSealer;
  /** Told once, until it works again. */
  readonly onFailure: (error: unknown) => void;
  /** Instead of lmdb's own, for a disk that fails. */
  readonly openDatabase?: typeof open;
}

/** What was acknowledged and waits for the store, in a folder of this machine. */
export class LmdbOutageJournal implements OutageJournal {
  readonly location: string;
  readonly #db: RootDatabase<string, OutageKey>;
  readonly #lock: DataFolderLock;
  readonly #options: OutageJournalOptions;
  readonly #rows: OutageRows;
  /** Of each instance in a session the first seqs of its changes: its base goes with the last. */
  readonly #kept = new Map<string, Set<number>>();
  #count = 0;
  /** Processes that have left something, one after the other: the clock may have been set back between them. */
  #turn = 0;
  /** Of those that are not this one. */
  readonly #turns = new Map<string, number>();
  #isFailing = false;
  /** Something that is pending is not here. */
  #hasGaps = false;
  #notBefore: DurationMs = 0;
  /** They are committed in order: with the last all are. */
  #last: Promise<void> = Promise.resolve();
  #overwriting: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  /** What was there at the start, until it is asked for. */
  #left: KeptSession[] = [];

  private constructor(
    db: RootDatabase<string, OutageKey>,
    lock: DataFolderLock,
    options: OutageJournalOptions,
  ) {
    this.location = options.folder;
    this.#db = db;
    this.#lock = lock;
    this.#options = options;
    this.#rows = new OutageRows(options.sealer ?? new RecordSealer());
  }

  /**
   * @throws {DataFolderLockedError} when a living process has the folder open
   * @throws {OutageSealError} when what an earlier process left there does not open
   * @throws {DamagedFileError} when what an earlier process left there cannot be read
   * @throws {Error} when the folder cannot be made or written
   */
  static async open(options: OutageJournalOptions): Promise<LmdbOutageJournal> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const lock = await DataFolderLock.acquire(options.folder, options.pid);
    let db: RootDatabase<string, OutageKey> | undefined;
    try {
      const path = join(options.folder, OUTAGE_FILE);
      await checkBeginning(path);
      db = (options.openDatabase ?? open)({
        path,
        encoding: 'string',
        // see LmdbSessionStore: a full disk would end the process
        eventTurnBatching: false,
      });
      await fillUp(path, db);
      const journal = new LmdbOutageJournal(db, lock, options);
      try {
        journal.#left = journal.#readLeft();
      } catch (cause) {
        if (cause instanceof OutageSealError) throw cause;
        throw new DamagedFileError(path, cause);
      }
      return journal;
    } catch (error) {
      await db?.close().catch(() => undefined);
      await lock.release();
      throw error;
    }
  }

  get isFailing(): boolean {
    return this.#isFailing || this.#hasGaps;
  }
  get changes(): number {
    return this.#count;
  }

  left(): Promise<readonly KeptSession[]> {
    return Promise.resolve(this.#left.splice(0));
  }

  #readLeft(): KeptSession[] {
    const sessions = new Map<string, KeptSession & { changes: KeptChange[] }>();
    for (const { key, value: stored } of this.#db.getRange()) {
      if (isFiller(key[0])) continue;
      const value = this.#rows.open(key, stored);
      const [tenant, session, instance, seq] = key;
      const ref = { tenant: decodeId(tenant), sessionId: decodeId(session) };
      const name = nameOf(ref, instance);
      if (seq === 0) {
        const { base, turn } = JSON.parse(value) as StoredBase;
        sessions.set(name, { ref, instance, turn, base, changes: [] });
        this.#turns.set(name, turn);
        this.#turn = Math.max(this.#turn, turn + 1);
        continue;
      }
      sessions.get(name)?.changes.push(fromStored(instance, value));
      this.#note(name, seq);
    }
    return [...sessions.values()].filter(({ changes }) => changes.length > 0);
  }

  async keep(ref: SessionRef, base: KeptBase, changes: readonly KeptChange[]): Promise<void> {
    if (this.#options.mono() < this.#notBefore) {
      this.#hasGaps = true;
      return;
    }
    const rows: [OutageKey, string][] = [];
    const instances = new Set<string>();
    for (const change of changes) {
      const first = change.records[0]?.identity;
      if (first === undefined) continue;
      this.#note(nameOf(ref, first.instance), first.seq);
      instances.add(first.instance);
      rows.push(this.#row(keyOf(ref, first.instance, first.seq), toStored(change)));
    }
    for (const instance of instances) rows.push(this.#baseRow(ref, instance, base));
    await this.#write(() => {
      for (const [key, value] of rows) void this.#db.put(key, value);
    });
  }

  rebase(ref: SessionRef, instance: string, base: KeptBase): void {
    const name = nameOf(ref, instance);
    if (!this.#kept.has(name)) return;
    const [key, value] = this.#baseRow(ref, instance, base);
    void this.#write(() => void this.#db.put(key, value));
  }

  release(ref: SessionRef, { instance, seq }: Identity): void {
    const name = nameOf(ref, instance);
    const kept = this.#kept.get(name);
    if (kept?.delete(seq) !== true) return;
    this.#count -= 1;
    const isLast = kept.size === 0;
    if (isLast) {
      this.#kept.delete(name);
      this.#turns.delete(name);
    }
    // What is pending now came after the failure.
    if (this.#count === 0 && !this.#isFailing) this.#hasGaps = false;
    void this.#write(() => {
      void this.#db.remove(keyOf(ref, instance, seq));
      if (isLast) void this.#db.remove(keyOf(ref, instance, 0));
    });
  }

  #row(key: OutageKey, text: string): [OutageKey, string] {
    return [key, this.#rows.seal(key, text)];
  }

  #baseRow(ref: SessionRef, instance: string, base: KeptBase): [OutageKey, string] {
    const turn = this.#turns.get(nameOf(ref, instance)) ?? this.#turn;
    return this.#row(keyOf(ref, instance, 0), JSON.stringify({ turn, base } satisfies StoredBase));
  }

  #note(name: string, seq: number): void {
    const kept = this.#kept.get(name) ?? new Set();
    if (!kept.has(seq)) this.#count += 1;
    this.#kept.set(name, kept.add(seq));
  }

  async overwrite(): Promise<void> {
    if (this.#closing !== undefined) return;
    await this.#last;
    this.#overwriting = this.#overwriting
      .then(() => overwriteFree(this.#db, join(this.location, OUTAGE_FILE)))
      // A full disk takes no more, and has said so at what counts.
      .catch(() => undefined);
    await this.#overwriting;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // what is under way comes first; a disk that fails has said so already
    await this.#last;
    await this.#overwriting;
    await this.#db.close().catch(() => undefined);
    await this.#lock.release().catch(() => undefined);
  }

  /** All that is asked for in one turn of the event loop is committed together, off this thread. Never rejects. */
  async #write(work: () => void): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#last = this.#attempt(work);
    await this.#last;
  }

  async #attempt(work: () => void): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // When it was us who stood still, the disk has answered: its word comes first.
        timer = setTimeout(() => {
          reject(new Error(`the disk took longer than ${WRITE_WITHIN_MS} ms`));
        }, 20);
      }, WRITE_WITHIN_MS);
    });
    try {
      await Promise.race([this.#commit(work), tooLate]);
      this.#isFailing = false;
      if (this.#count === 0) this.#hasGaps = false;
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #commit(work: () => void): Promise<void> {
    try {
      await this.#db.transaction(work);
      if (this.#options.sync === true) await this.#db.flushed;
    } catch (error) {
      // it is rejected as well, and would end the process if nobody listened
      const { commitError } = error as { commitError?: unknown };
      if (commitError instanceof Promise) commitError.catch(() => undefined);
      throw error;
    }
  }

  #failed(error: unknown): void {
    this.#notBefore = this.#options.mono() + TRY_AGAIN_MS;
    this.#hasGaps = true;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.onFailure(error);
  }
}

const nameOf = (ref: SessionRef, instance: string): string => `${refKey(ref)} ${instance}`;

const keyOf = ({ tenant, sessionId }: SessionRef, instance: string, seq: number): OutageKey => [
  encodeId(tenant),
  encodeId(sessionId),
  instance,
  seq,
];
