/**
 * The webhooks of one task and what they are still to be told. There are no delivery records: the record of an event is
 * the record of its delivery, because whoever folds the journal learns from it what is due (docs/adr/0009).
 *
 * An outbox is a value: a change makes another one, so drafts and forks share it, and two folds that show the same object
 * know the same.
 */
import type { Dialect } from '../../protocol/model.ts';
import { isInterrupted, isTerminal, type TaskState } from '../../protocol/task-state.ts';
import type { EpochMs, JsonObject } from '../../protocol/units.ts';
import type { ArtifactRecord, PushRecord, ReceiptRecord, StoredMessage } from './records.ts';

export interface Webhook {
  readonly id: string;
  readonly config: PushRecord['config'];
  /** What its payloads are written in. */
  readonly dialect: Dialect;
  /** Number of the record that first registered the id: its place in the list. */
  readonly created: number;
  /** Number of the record that registered it as it is: another number is another webhook. */
  readonly since: number;
  /** Everything up to this record is done with. */
  readonly upTo: number;
  /** Failed attempts in a row at what is due first. */
  readonly tries: number;
  /** Not before this moment; 0: at once. */
  readonly next: EpochMs;
  /** Given up until it is registered anew. */
  readonly parked: boolean;
}

/** How a task stood at some record. */
export interface StatusThen {
  readonly state: TaskState;
  readonly at: EpochMs;
  readonly message?: StoredMessage;
}

/** An event that webhooks are told of: a change of status, or the last chunk of an artifact. */
export interface Trigger {
  /** Number of its record; between two whole numbers where the record at the next one has brought it about. */
  readonly n: number;
  readonly status: StatusThen;
  /** Absent: the status itself is the event. */
  readonly artifactId?: string;
  /** The event's own. */
  readonly metadata?: JsonObject;
}

/** A task may go on for long after its webhook was given up. */
const MISSED_MAX_EVENTS = 1_000;

export interface Outbox {
  readonly webhooks: ReadonlyMap<string, Webhook>;
  /** Oldest first; only those that somebody still has to be told of, or was not told of when it was given up. */
  readonly triggers: readonly Trigger[];
  /** Artifacts that more may be said of: no record has said that it was the last. */
  readonly open: readonly string[];
}

const EMPTY: Outbox = { webhooks: new Map(), triggers: [], open: [] };

export function isDue(outbox: Outbox, webhook: Webhook): boolean {
  return !webhook.parked && (outbox.triggers.at(-1)?.n ?? 0) > webhook.upTo;
}

/** What a webhook is to be told next. */
export function firstDue(outbox: Outbox, webhook: Webhook): Trigger | undefined {
  return webhook.parked ? undefined : outbox.triggers.find(({ n }) => n > webhook.upTo);
}

/** @returns the moment at which something is due first, 0: at once; undefined when nothing is */
export function earliestDue(outbox: Outbox): EpochMs | undefined {
  let earliest: EpochMs | undefined;
  for (const webhook of outbox.webhooks.values()) {
    if (isDue(outbox, webhook)) earliest = Math.min(earliest ?? webhook.next, webhook.next);
  }
  return earliest;
}

/** The same of several. */
export function earliestDueOf(outboxes: readonly (Outbox | undefined)[]): EpochMs | undefined {
  let due: EpochMs | undefined;
  for (const outbox of outboxes) {
    const earliest = outbox && earliestDue(outbox);
    if (earliest !== undefined) due = Math.min(due ?? earliest, earliest);
  }
  return due;
}

/** Tasks of which a webhook is still to be told something, once one of them has another outbox. Another set when it changes. */
export function withWaiting(
  waiting: ReadonlySet<string>,
  task: string,
  outbox: Outbox | undefined,
): ReadonlySet<string> {
  const isWaiting = outbox !== undefined && earliestDue(outbox) !== undefined;
  if (isWaiting === waiting.has(task)) return waiting;
  const others = new Set(waiting);
  if (isWaiting) others.add(task);
  else others.delete(task);
  return others;
}

/**
 * The status has changed. Where the agent pauses or ends, the artifacts of which it has not said so are whole as well: told
 * before it, with the status of before. Agents often leave it unsaid, and the first of many chunks looks like a whole one.
 *
 * @param before the status until then
 */
export function withStatus(outbox: Outbox, before: StatusThen, trigger: Trigger): Outbox {
  const { state } = trigger.status;
  const whole = isTerminal(state) || isInterrupted(state) ? outbox.open : [];
  const step = 1 / (whole.length + 1);
  const earlier = whole.map((artifactId, i): Trigger => ({
    n: trigger.n - 1 + (i + 1) * step,
    status: before,
    artifactId,
  }));
  const open = outbox.open.filter((artifactId) => !whole.includes(artifactId));
  return pruned({ ...outbox, open, triggers: [...outbox.triggers, ...earlier, trigger] });
}

/** More of an artifact, or the last of it. The copy that is written when a task ends is no event. */
export function withArtifact(outbox: Outbox, n: number, record: ArtifactRecord, status: StatusThen): Outbox {
  const { artifact, last, whole, metadata } = record;
  const { artifactId } = artifact;
  const isOpen = outbox.open.includes(artifactId);
  if (whole === true || (isOpen && last !== true)) return outbox;
  if (last !== true) return { ...outbox, open: [...outbox.open, artifactId] };
  const trigger: Trigger = { n, status, artifactId, ...(metadata && { metadata }) };
  const open = outbox.open.filter((other) => other !== artifactId);
  return pruned({ ...outbox, open, triggers: [...outbox.triggers, trigger] });
}

/** Registered anew it starts behind the present head, whatever was due and however often it had failed. */
export function withWebhook(outbox: Outbox | undefined, n: number, record: PushRecord): Outbox {
  const known = outbox ?? EMPTY;
  const { webhooks } = known;
  const { id, config, dialect = 'v1' } = record;
  const created = webhooks.get(id)?.created ?? n;
  const begun = { id, config, dialect, created, since: n, upTo: n, tries: 0, next: 0, parked: false };
  return pruned({ ...known, webhooks: new Map(webhooks).set(id, begun) });
}

export function withoutWebhook(outbox: Outbox, id: string): Outbox {
  if (!outbox.webhooks.has(id)) return outbox;
  const webhooks = new Map(outbox.webhooks);
  webhooks.delete(id);
  return pruned({ ...outbox, webhooks });
}

export function withReceipt(outbox: Outbox, record: ReceiptRecord): Outbox {
  const webhook = outbox.webhooks.get(record.id);
  if (webhook === undefined) return outbox;
  const { upTo = 0, tries = 0, next = 0, parked = false } = record;
  const known = { ...webhook, upTo: Math.max(webhook.upTo, upTo), tries, next, parked };
  return pruned({ ...outbox, webhooks: new Map(outbox.webhooks).set(record.id, known) });
}

/**
 * Forgets the events that nobody has to be told of any more. Of those that only a parked webhook has missed the last ones
 * are kept: an operator may have it told once more.
 */
function pruned(outbox: Outbox): Outbox {
  const { webhooks, triggers } = outbox;
  let [done, told] = [Infinity, Infinity];
  for (const { parked, upTo } of webhooks.values()) {
    done = Math.min(done, upTo);
    if (!parked) told = Math.min(told, upTo);
  }
  done = Math.max(done, Math.min(told, triggers.at(-1 - MISSED_MAX_EVENTS)?.n ?? done));
  const oldest = triggers[0];
  if (oldest === undefined || oldest.n > done) return outbox;
  return { ...outbox, triggers: triggers.filter(({ n }) => n > done) };
}
