/** Numbers that the history holds besides right and wrong. Pure. */
import type { DurationMs } from '../../protocol/units.ts';
import { isEnded } from './book.ts';
import type { MarkAt, Moment, Operation } from './history.ts';

export interface Spread {
  readonly count: number;
  readonly medianMs: DurationMs;
  readonly p95Ms: DurationMs;
  readonly maxMs: DurationMs;
}

export function spread(values: readonly DurationMs[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, medianMs: at(0.5), p95Ms: at(0.95), maxMs: sorted.at(-1) ?? 0 };
}

/** How much later than its runner's own listeners those of other instances get an event. */
export function followDelays(operations: readonly Operation[]): DurationMs[] {
  const own = new Map<string, { readonly at: Moment; readonly instance: string }>();
  for (const { kind, instance, events = [] } of operations) {
    if (kind !== 'stream') continue;
    for (const { cursor, at } of events) if (cursor !== undefined) own.set(cursor, { at, instance });
  }
  return operations.flatMap(({ kind, instance, events = [] }) => {
    if (kind !== 'subscribe') return [];
    return events.flatMap(({ cursor, at, isSnapshot }) => {
      const first = own.get(cursor ?? '');
      return first === undefined || first.instance === instance || isSnapshot
        ? []
        : [Math.max(0, at - first.at)];
    });
  });
}

/** From the cancel on another instance to the end of the task, as the listeners of its runner saw it. */
export function cancelSpans(operations: readonly Operation[]): DurationMs[] {
  const streams = new Map(
    operations.flatMap((each) =>
      each.kind === 'stream' && each.seen !== undefined ? [[each.seen.id, each] as const] : [],
    ),
  );
  return operations.flatMap(({ kind, task, outcome, instance, startedAt, seen }) => {
    const stream = streams.get(task ?? '');
    const last = stream?.events?.at(-1);
    if (kind !== 'cancel' || outcome !== 'answered' || seen?.state !== 'canceled') return [];
    if (stream === undefined || stream.instance === instance || last?.state !== 'canceled') return [];
    return [last.at - startedAt];
  });
}

/** From the kill of an instance to the end of each task that it was streaming, as its client saw it elsewhere. */
export function settleSpans(operations: readonly Operation[], marks: readonly MarkAt[]): DurationMs[] {
  const kills = new Map(
    marks.flatMap((mark) => (mark.kind === 'killed' ? [[mark.instance, mark.at] as const] : [])),
  );
  return operations.flatMap(({ kind, instance, outcome, endedAt, seen, client }) => {
    const killedAt = kills.get(instance);
    if (kind !== 'stream' || outcome !== 'broken' || killedAt === undefined || seen === undefined) return [];
    if (isEnded(seen.state) || endedAt < killedAt - 1_000) return [];
    const later = operations.find(
      (each) =>
        each.kind === 'resume' &&
        each.client === client &&
        each.seen?.id === seen.id &&
        isEnded(each.seen.state),
    );
    const at = later?.events?.at(-1)?.at;
    return at === undefined ? [] : [at - killedAt];
  });
}

/**
 * How long after each fault every instance that runs was ready with nothing pending; undefined where the next fault, or the
 * end, came first.
 */
export function recoveries(marks: readonly MarkAt[]): (DurationMs | undefined)[] {
  return marks.flatMap((healed, index) => {
    if (healed.kind !== 'healed') return [];
    const before = marks.slice(0, index);
    const waiting = new Set(running(before));
    if (waiting.size === 0) return [];
    for (const mark of marks.slice(index + 1)) {
      if (mark.kind === 'fault') return [];
      if (mark.kind === 'started') waiting.add(mark.instance);
      if (mark.kind === 'killed' || mark.kind === 'stopping') waiting.delete(mark.instance);
      if (mark.kind === 'pending' && mark.askedAt >= healed.at && mark.records === 0 && mark.ready)
        waiting.delete(mark.instance);
      if (waiting.size === 0) return [mark.at - healed.at];
    }
    return [undefined];
  });
}

function running(marks: readonly MarkAt[]): string[] {
  const up = new Set<string>();
  for (const mark of marks) {
    if (mark.kind === 'started') up.add(mark.instance);
    if (mark.kind === 'killed' || mark.kind === 'stopping') up.delete(mark.instance);
  }
  return [...up];
}
