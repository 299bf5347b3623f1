/** What is over stays over, what is gone stays gone, and in the end everybody says what the store says. */
import type { Book, Message, StoredTask } from './book.ts';
import { isEnded } from './book.ts';
import { wentWithSession } from './check-messages.ts';
import type { Violation } from './evidence.ts';
import type { Moment, Operation } from './history.ts';

/** Somebody was told the state of a task. */
interface Sight {
  readonly state: string;
  readonly instance: string;
  readonly startedAt: Moment;
  readonly at: Moment;
  readonly isDeferred: boolean;
  /** Events of a stream may be old news; only answers are about now. */
  readonly isAnswer: boolean;
  /** Lists are told from the store, also by whoever knows better. */
  readonly isList?: boolean;
}

export function checkStates(book: Book): Violation[] {
  return [
    ...sightings(book),
    ...book.tasks.flatMap((task) => journalStates(book, task)),
    ...gone(book),
    ...views(book),
  ];
}

function sightsOf(operation: Operation): { readonly id: string; readonly sight: Sight }[] {
  const { seen, listed = [], events, instance, startedAt, endedAt } = operation;
  const common = { instance, startedAt };
  if (events !== undefined) {
    const last = events.at(-1);
    if (seen === undefined || last === undefined) return [];
    const isDeferred = last.cursor?.includes('~') === true;
    return [
      { id: seen.id, sight: { ...common, state: last.state, at: last.at, isDeferred, isAnswer: false } },
    ];
  }
  const isDeferred = operation.persistence === 'deferred';
  return [...(seen ? [seen] : []), ...listed].map(({ id, state }) => ({
    id,
    sight: { ...common, state, at: endedAt, isDeferred, isAnswer: true, isList: operation.kind === 'list' },
  }));
}

function sightings(book: Book): Violation[] {
  const sights = new Map<string, Sight[]>();
  for (const operation of book.evidence.operations) {
    for (const { id, sight } of sightsOf(operation)) {
      const name = book.task(id)?.id ?? id;
      const of = sights.get(name);
      if (of === undefined) sights.set(name, [sight]);
      else of.push(sight);
    }
  }
  return [...sights].flatMap(([id, list]) => [...steps(book, id, list), ...ends(book, id, list)]);
}

/** From when on everybody has to know it. */
function knownFrom(book: Book, { isDeferred, instance, at }: Sight): Moment {
  return isDeferred ? (book.flushedBy(instance, at) ?? Number.POSITIVE_INFINITY) : at;
}

function steps(book: Book, id: string, sights: readonly Sight[]): Violation[] {
  const found: Violation[] = [];
  for (const ended of sights.filter(({ state }) => isEnded(state))) {
    if (book.task(id)?.isRefusedInPart === true && ended.isDeferred) continue;
    if (book.mayHaveGoneBack(ended.at)) continue;
    for (const later of sights) {
      if (!later.isAnswer || isEnded(later.state)) continue;
      const isSame = later.instance === ended.instance && later.isList !== true;
      const from = isSame ? ended.at : knownFrom(book, ended);
      if (later.startedAt <= from) continue;
      // From memory, and it said so: who is cut off from the store knows what it knew.
      if (!isSame && later.isDeferred && book.wasCut(later.instance, later.startedAt, later.at)) continue;
      const detail = `${ended.state} (${ended.instance}), later ${later.state} (${later.instance})`;
      return [{ kind: 'terminal left', what: id, detail }];
    }
  }
  return found;
}

/** All who saw it end saw the same end, and that is what the journal has. */
function ends(book: Book, id: string, sights: readonly Sight[]): Violation[] {
  const task = book.task(id);
  const isBinding = (sight: Sight): boolean => {
    if (!isEnded(sight.state)) return false;
    if (book.isExcepted({ operation: { ...EMPTY, startedAt: sight.startedAt }, at: sight.at })) return false;
    if (book.mayHaveGoneBack(sight.at)) return false;
    if (!sight.isDeferred) return true;
    if (task?.isRefusedInPart === true) return false;
    const killedAt = book.killedAt(sight.instance);
    const isLost = killedAt !== undefined && knownFrom(book, sight) > killedAt;
    return book.evidence.terms.hasOutageJournal || !isLost;
  };
  const states = new Set(sights.filter(isBinding).map(({ state }) => state));
  // 0.1 knows no rejected; the demo agent rejects nobody here.
  if (states.size > 1) return [{ kind: 'two terminal states', what: id, detail: [...states].join(' and ') }];
  const [state] = states;
  if (state === undefined || task === undefined || task.state === state) return [];
  const kind = isEnded(task.state) ? 'two terminal states' : 'terminal left';
  return [{ kind, what: id, detail: `clients saw ${state}, the journal has ${task.state}` }];
}

const EMPTY: Operation = {
  ...{ kind: 'get', client: '', dialect: 'v1', instance: '', outcome: 'answered', isQuick: false },
  ...{ startedAt: 0, endedAt: 0 },
};

function journalStates(book: Book, { id, records, state }: StoredTask): Violation[] {
  const found: Violation[] = [];
  const ended = records.findIndex((record) => record.t === 'status' && isEnded(record.state ?? ''));
  for (const record of ended < 0 ? [] : records.slice(ended + 1)) {
    const isMove = record.t === 'run' || (record.t === 'status' && !isEnded(record.state ?? ''));
    if (record.t === 'status' && isEnded(record.state ?? ''))
      found.push({ kind: 'two terminal states', what: id, detail: `record ${record.n} ends it again` });
    else if (isMove || (record.t === 'artifact' && record.whole !== true))
      found.push({
        kind: 'terminal left',
        what: id,
        detail: `record ${record.n} (${record.t}) moves it again`,
      });
  }
  if (!isEnded(state)) found.push({ kind: 'unfinished', what: id, detail: `${state} when all was over` });
  const why = records[ended]?.text ?? '';
  if (state === 'failed' && (!book.hasBrokenInstances || why === '')) {
    const detail = why === '' ? 'it does not say why' : `nothing was done to any instance: ${why}`;
    found.push({ kind: 'failed without cause', what: id, detail });
  }
  return found;
}

/** A task that was there and is not found: lost, unless that was announced; and then it never comes back. */
function gone(book: Book): Violation[] {
  const found: Violation[] = [];
  const knownSince = new Map<string, { from: Moment; message: Message; startedAt: Moment }>();
  const goneSince = new Map<string, Moment>();
  for (const message of book.messages) {
    const { ack } = message;
    const id = ack?.operation.seen?.id;
    if (ack?.storedBy !== undefined && id !== undefined)
      knownSince.set(id, { from: ack.storedBy, message, startedAt: ack.operation.startedAt });
  }
  const inTime = [...book.evidence.operations].sort((a, b) => a.endedAt - b.endedAt);
  for (const operation of inTime) {
    const { task: id, error } = operation;
    if (id === undefined) continue;
    if (error?.reason === 'TASK_NOT_FOUND') {
      const known = knownSince.get(id);
      const isAnnounced =
        known === undefined ||
        book.isExcepted({ operation: { ...EMPTY, startedAt: known.startedAt }, at: known.from }) ||
        wentWithSession(book, known.message);
      if (!isAnnounced && operation.startedAt > known.from)
        found.push({ kind: 'lost', what: id, detail: `${operation.instance} does not know it` });
      // What the store has lost comes back once whoever wrote it has noticed.
      const mayComeBack = isAnnounced && book.mayHaveGoneBack(operation.endedAt);
      if (known !== undefined && operation.startedAt > known.from && !mayComeBack)
        goneSince.set(id, goneSince.get(id) ?? operation.endedAt);
    } else if (
      operation.outcome === 'answered' &&
      operation.startedAt > (goneSince.get(id) ?? Number.POSITIVE_INFINITY)
    )
      found.push({
        kind: 'resurrected',
        what: id,
        detail: `${operation.instance} shows it after it was gone`,
      });
  }
  return found;
}

function views(book: Book): Violation[] {
  const stored = new Set(book.tasks.map(({ id }) => id));
  return book.evidence.views.flatMap(({ instance, task, seen, reason }): Violation[] => {
    const what = `${task} on ${instance}`;
    const home = book.task(task);
    if (seen === undefined) {
      if (home === undefined || !stored.has(home.id)) return [];
      return [
        { kind: 'view differs', what, detail: `${reason ?? 'no answer'}, the journal has ${home.state}` },
      ];
    }
    if (home === undefined)
      return [{ kind: 'view differs', what, detail: `${seen.state}, and it is in no journal` }];
    const [shown, wanted] = [seen, home].map(({ state, artifacts, userTexts }) =>
      JSON.stringify({ state, artifacts, userTexts }),
    );
    return shown === wanted
      ? []
      : [{ kind: 'view differs', what, detail: `${shown}, the journal has ${wanted}` }];
  });
}
