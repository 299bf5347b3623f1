/** For how long something was so with an instance. Pure. */
import type { MarkAt, Moment } from './history.ts';

export interface Span {
  readonly from: Moment;
  readonly to: Moment;
}

/** By instance. What has begun and not ended goes on for ever. */
export function spansOf(
  marks: readonly MarkAt[],
  begins: readonly MarkAt['kind'][],
  ends: MarkAt['kind'],
): Map<string, readonly Span[]> {
  const spans = new Map<string, { from: Moment; to: Moment }[]>();
  for (const mark of marks) {
    if (!('instance' in mark)) continue;
    const { kind, instance, at } = mark;
    const last = spans.get(instance)?.at(-1);
    const isOn = last?.to === Number.POSITIVE_INFINITY;
    if (begins.includes(kind) && !isOn)
      spans.set(instance, [...(spans.get(instance) ?? []), { from: at, to: Number.POSITIVE_INFINITY }]);
    if (kind === ends && isOn) last.to = at;
  }
  return spans;
}
