/** The evidence with everything findable in it: who knew what when. */
import type { Evidence } from './evidence.ts';
import type { Moment, Operation } from './history.ts';
import type { StoredJournal, StoredRecord } from './journals.ts';
import { type Span, spansOf } from './spans.ts';

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'canceled', 'rejected']);
export const isEnded = (state: string): boolean => ENDED.has(state);

/** A task as its journal tells it. */
export interface StoredTask {
  readonly journal: StoredJournal;
  /** `<session>.<local>`. */
  readonly id: string;
  readonly alias: string | undefined;
  readonly records: readonly StoredRecord[];
  readonly state: string;
  readonly artifacts: readonly (readonly string[])[];
  readonly userTexts: readonly string[];
  /** Some of what was said of it did not apply when it was replayed. */
  readonly isRefusedInPart: boolean;
}

/** One message of a client, over all of its attempts. */
export interface Message {
  readonly key: string;
  readonly text: string;
  readonly session: string;
  readonly attempts: readonly Operation[];
  readonly firstAt: Moment;
  readonly ack: Ack | undefined;
}

/** The first attempt that was answered with a task. */
export interface Ack {
  readonly operation: Operation;
  readonly at: Moment;
  readonly isDeferred: boolean;
  /** From when on it is in the store, for all that clients and probes could know; undefined: nobody ever knew. */
  readonly storedBy: Moment | undefined;
}

/** When somebody was told something; `storedBy` where that is known to be later than `at`. */
interface Known {
  readonly operation: Operation;
  readonly at: Moment;
  readonly storedBy?: Moment | undefined;
}

/** So long after a failover servers may not have seen yet that the store went back. */
const AFTERWARDS_MS = 2_000;
/** How long before a fault is noticed a request may have been sent into it. */
export const SLACK_MS = 50;
/** Of what a dead instance ran, with the slowest of all settings. */
const SETTLED_WITHIN_MS = 15_000;
/** What is promised of a server that reaches the store again. */
const REJOINED_WITHIN_MS = 4_000;
/** What one reader was told all are told within that time: the safety poll of servers is 1.2 s. */
const NEWS_WITHIN_MS = 1_500;

export class Book {
  readonly evidence: Evidence;
  readonly messages: readonly Message[];
  readonly tasks: readonly StoredTask[];
  readonly #attempts = new Map<string, Operation[]>();
  /** Task, as clients know it -> the attempts that were answered with it. */
  readonly #runs = new Map<string, Operation[]>();
  /** Task, as clients know it -> when anybody was told something of it that was stored. */
  readonly #news = new Map<string, Moment[]>();
  /** The moment before which everything was given up, by announcement. */
  readonly lostAt: Moment | undefined;
  readonly #tasksById = new Map<string, StoredTask>();
  readonly #records = new Map<string, { readonly journal: StoredJournal; readonly record: StoredRecord }[]>();
  readonly #probes = new Map<string, Moment[]>();
  readonly #killed = new Map<string, Moment>();
  readonly #away: ReadonlyMap<string, readonly Span[]>;
  /** When the network between an instance and the store was bad. */
  readonly #cut: ReadonlyMap<string, readonly Span[]>;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
    this.lostAt = evidence.marks.findLast(({ kind }) => kind === 'lost')?.at;
    this.#away = spansOf(evidence.marks, ['killed', 'stopping', 'paused'], 'resumed');
    this.#cut = spansOf(evidence.marks, ['cut'], 'joined');
    this.#readMarks();
    this.tasks = evidence.journals.flatMap((journal) => tasksOf(journal));
    for (const task of this.tasks) {
      this.#tasksById.set(task.id, task);
      // Of several with one alias the last has it.
      if (task.alias !== undefined) this.#tasksById.set(task.alias, task);
    }
    this.#readMessages();
    this.#readNews();
    this.messages = this.#toMessages();
  }

  /** Whether a process was killed without saying goodbye, and when. */
  killedAt(instance: string): Moment | undefined {
    return this.#killed.get(instance);
  }

  /** Whether an instance was not as it should be at some moment of a span: not started, paused, stopping, killed. */
  wasAway(instance: string, from: Moment, to: Moment): boolean {
    return (this.#away.get(instance) ?? []).some((each) => each.from <= to && each.to >= from);
  }

  /** Whether the network between an instance and the store was bad at some moment of a span. */
  wasCut(instance: string, from: Moment, to: Moment): boolean {
    return (this.#cut.get(instance) ?? []).some((each) => each.from <= to && each.to + SLACK_MS >= from);
  }

  /** Somebody was ever killed, paused or stopped: then tasks may fail. */
  get hasBrokenInstances(): boolean {
    return this.#away.size > 0;
  }

  /** @param id as clients know it */
  task(id: string): StoredTask | undefined {
    return this.#tasksById.get(id);
  }

  /** Where a message stands, also as refused. */
  standing(key: string): readonly { readonly journal: StoredJournal; readonly record: StoredRecord }[] {
    return this.#records.get(key) ?? [];
  }

  /** From when on what an instance had deferred at a moment is in the store, as far as it was asked. */
  flushedBy(instance: string, at: Moment): Moment | undefined {
    return this.#probes.get(instance)?.find((asked) => asked >= at);
  }

  /**
   * Whoever says again what an instance took along, or cancels it, waits until the task that it ran is settled by another,
   * for as long as that may take. So does whoever says again what an instance refused that was cut off from the store, for
   * it may be stored all the same: until that instance is back.
   */
  waitsForLost(operation: Operation): boolean {
    const { kind, key, task, startedAt } = operation;
    if (kind !== 'send' && kind !== 'stream' && kind !== 'cancel') return false;
    if (this.#waitsForCut(operation)) return true;
    const runs = (key === undefined ? this.#runs.get(task ?? '') : this.#attempts.get(key)) ?? [];
    return runs.some(({ instance, startedAt: from, endedAt }) => {
      const isBefore = from < startedAt && endedAt > startedAt - SETTLED_WITHIN_MS;
      return isBefore && this.wasAway(instance, from - SLACK_MS, Math.max(endedAt, startedAt));
    });
  }

  #waitsForCut({ key = '', instance, startedAt, endedAt }: Operation): boolean {
    return (this.#attempts.get(key) ?? []).some((first) => {
      if (first.outcome !== 'refused' || first.instance === instance || first.startedAt >= startedAt)
        return false;
      return (this.#cut.get(first.instance) ?? []).some(
        ({ from, to }) => endedAt >= from && startedAt <= to + SLACK_MS && endedAt <= to + REJOINED_WITHIN_MS,
      );
    });
  }

  /** A reader that goes on behind a cursor is told nothing, not even the head of its stream, before there is news. */
  wasSilent({ kind, task, startedAt, endedAt }: Operation): boolean {
    if (kind !== 'resume') return false;
    const news = this.#news.get(task ?? '') ?? [];
    return !news.some((at) => at > startedAt && at < endedAt - NEWS_WITHIN_MS);
  }

  #readNews(): void {
    for (const { events = [], seen } of this.evidence.operations) {
      if (seen === undefined) continue;
      const stored = events.filter(({ cursor = '~', isSnapshot }) => !isSnapshot && !cursor.includes('~'));
      for (const { at } of stored) put(this.#news, seen.id, at);
    }
  }

  /** What was acknowledged at this moment may be gone under the scenario's exception. */
  isExcepted({ operation, at, storedBy = at }: Known): boolean {
    const { exception } = this.evidence.terms;
    if (exception?.kind === 'flushed') return this.lostAt !== undefined && operation.startedAt <= this.lostAt;
    // What came into the store behind the fault has not been lost with what went before it.
    return this.#unsynced.some(
      ({ from, to }) => storedBy >= from && operation.startedAt <= to && storedBy <= to + AFTERWARDS_MS,
    );
  }

  /** What was told as stored at this moment may have come to stand elsewhere since, or nowhere: the store went back. */
  mayHaveGoneBack(at: Moment): boolean {
    return this.#unsynced.some(({ from, to }) => at >= from && at <= to + AFTERWARDS_MS);
  }

  /** From the moment before each fault that may be lost until the fault was over. */
  get #unsynced(): readonly { readonly from: Moment; readonly to: Moment }[] {
    const { terms, marks } = this.evidence;
    if (terms.exception?.kind !== 'unsynced') return [];
    const { withinMs = 1_000 } = terms.exception;
    let open: Moment | undefined;
    return marks.flatMap(({ kind, at }) => {
      if (kind === 'fault') open = at;
      if (kind !== 'healed' || open === undefined) return [];
      const span = { from: open - withinMs, to: at };
      open = undefined;
      return [span];
    });
  }

  #readMarks(): void {
    for (const mark of this.evidence.marks) {
      if (mark.kind === 'killed') this.#killed.set(mark.instance, mark.at);
      if (mark.kind === 'pending' && mark.records === 0)
        this.#probes.set(mark.instance, [...(this.#probes.get(mark.instance) ?? []), mark.askedAt]);
    }
  }

  /** A 0.1 message is named by its task, any other by itself. */
  #readMessages(): void {
    for (const journal of this.evidence.journals) {
      const aliases = new Map(
        journal.records.flatMap(({ task, alias }) => (alias === undefined ? [] : [[task, alias]])),
      );
      for (const record of journal.records) {
        const said = record.refused ?? record;
        if (said.t !== 'message' || said.messageId === undefined) continue;
        const key = aliases.get(said.task) ?? said.messageId;
        this.#records.set(key, [
          ...(this.#records.get(key) ?? []),
          { journal, record: { ...said, n: record.n } },
        ]);
      }
    }
  }

  #toMessages(): Message[] {
    for (const operation of this.evidence.operations) {
      if (operation.key === undefined) continue;
      put(this.#attempts, operation.key, operation);
      if (operation.seen !== undefined) put(this.#runs, operation.seen.id, operation);
    }
    return [...this.#attempts].map(([key, list]) => {
      const [first] = list;
      const { text = '', session = '' } = first ?? {};
      const firstAt = Math.min(...list.map(({ startedAt }) => startedAt));
      return { key, text, session, attempts: list, firstAt, ack: this.#toAck(list) };
    });
  }

  #toAck(attempts: readonly Operation[]): Ack | undefined {
    for (const operation of attempts) {
      const [event] = operation.events ?? [];
      const isAnswered = operation.kind === 'send' ? operation.outcome === 'answered' : event !== undefined;
      if (!isAnswered || operation.seen === undefined) continue;
      const at = event?.at ?? operation.endedAt;
      const isDeferred = operation.persistence === 'deferred' || event?.cursor?.includes('~') === true;
      const storedBy = isDeferred ? this.flushedBy(operation.instance, at) : at;
      return { operation, at, isDeferred, storedBy };
    }
    return undefined;
  }
}

function put<T>(lists: Map<string, T[]>, name: string, value: T): void {
  const of = lists.get(name);
  if (of === undefined) lists.set(name, [value]);
  else of.push(value);
}

function tasksOf(journal: StoredJournal): StoredTask[] {
  const byTask = new Map<string, StoredRecord[]>();
  for (const record of journal.records) {
    const task = (record.refused ?? record).task;
    if (task !== undefined) byTask.set(task, [...(byTask.get(task) ?? []), record]);
  }
  return [...byTask].map(([local, records]) => ({
    ...{ journal, id: `${journal.session}.${local}`, records, ...fold(records) },
    alias: records.find(({ alias }) => alias !== undefined)?.alias,
    isRefusedInPart: records.some(({ refused }) => refused !== undefined),
  }));
}

function fold(records: readonly StoredRecord[]): Pick<StoredTask, 'state' | 'artifacts' | 'userTexts'> {
  let state = 'unknown';
  const artifacts = new Map<string, readonly string[]>();
  const userTexts: string[] = [];
  for (const record of records) {
    const { t, artifactId = '', parts = [] } = record;
    if (t === 'task') state = 'submitted';
    if (t === 'run' || t === 'status') state = record.state ?? state;
    if (t === 'message') userTexts.push(record.text ?? '');
    if (t === 'artifact')
      artifacts.set(
        artifactId,
        record.append === true ? [...(artifacts.get(artifactId) ?? []), ...parts] : parts,
      );
  }
  return { state, artifacts: [...artifacts.values()], userTexts };
}
