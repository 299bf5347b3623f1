import type { Identity } from './records.ts';

/** Where a reader of a session's journal stands. */
export interface FeedPosition {
  /** Of the session; `''` while it has not begun in the store. */
  readonly epoch: string;
  /** Everything that is stored up to this number was seen. */
  readonly n: number;
  /** And everything of this instance up to this seq, wherever in the journal it will come to stand. */
  readonly deferred?: Identity;
  /** There is more to say of what was seen: whoever comes back with it has to begin with what the session is then. */
  readonly isVague?: true;
}

/** On the wire whose the last record was when that does not say enough: no instance is called so. */
const NOBODY = '-';

const MAX_LENGTH = 256;
const WIRE = /^([\w-]*)\.(0|[1-9]\d{0,15})(?:~([\w-]+)\.([1-9]\d{0,15}))?$/;

/** On the wire: `<epoch>.<n>`, or `<epoch>.<n>~<instance>.<seq>`. */
export function formatPosition({ epoch, n, deferred, isVague }: FeedPosition): string {
  const stored = `${epoch}.${n}`;
  if (deferred === undefined) return stored;
  return `${stored}~${isVague === true ? NOBODY : deferred.instance}.${deferred.seq}`;
}

/** @returns undefined when it is none; never throws */
export function parsePosition(cursor: string): FeedPosition | undefined {
  if (cursor.length > MAX_LENGTH) return undefined;
  const [, epoch, number, instance, seq] = WIRE.exec(cursor) ?? [];
  if (epoch === undefined) return undefined;
  const n = Number(number);
  const isNumber = Number.isSafeInteger(n) && Number.isSafeInteger(Number(seq ?? 1));
  // Nothing that is stored is known of a session that has not begun there.
  if (!isNumber || (epoch === '' && (n > 0 || instance === undefined))) return undefined;
  if (instance === undefined) return { epoch, n };
  return { epoch, n, deferred: { instance, seq: Number(seq) } };
}
