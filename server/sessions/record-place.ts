import { formatIdentity, parseIdentity, type Identity } from './records.ts';
import type { Cursor, JournalTail } from './session-store.ts';

/**
 * Where a journal stands: whose the record at its head is, and a digest of whose all of its records are, in their order.
 * Two journals of one epoch that end in the same record at the same number may differ in front of it, when a store went
 * back and was given again what it had lost: the digest tells them apart.
 */
export interface Place extends Identity {
  /** A safe integer. Absent: not known, behind a record that is not there. */
  readonly chain?: number;
}

const TWO_32 = 2 ** 32;
const LOW_PRIME = 0x01000193;
const HIGH_PRIME = 0x2c1b3c6d;
/** Of the upper half, so that both together are a safe integer. */
const HIGH_SHIFT = 11;

const BASE = 36;
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const TWO_DIGITS = Array.from({ length: BASE * BASE }, (_, i) =>
  [Math.floor(i / BASE), i % BASE].map((digit) => DIGITS.charAt(digit)).join(''),
);

/**
 * A safe integer of at least 0 as `toString(36)` writes it. By hand, two digits at a time, because that one is made for
 * fractions: six times as slow.
 */
export function toBase36(value: number): string {
  let text = '';
  let rest = value;
  while (rest >= TWO_DIGITS.length) {
    const more = Math.floor(rest / TWO_DIGITS.length);
    text = (TWO_DIGITS[rest - more * TWO_DIGITS.length] as string) + text;
    rest = more;
  }
  return (rest < BASE ? DIGITS.charAt(rest) : (TWO_DIGITS[rest] as string)) + text;
}

/**
 * Not against forgers: whoever writes to the store is trusted. The parts of a session agree on it for ever. In 32-bit
 * integers throughout: it runs for every record of every layer, and `%` of a large number is a call into the runtime.
 */
function link(chain: number, instance: string, seq: number): number {
  // Of `<instance>.<seq> `, which is not put together for it.
  const rest = `.${seq} `;
  const length = instance.length + rest.length;
  let low = chain | 0;
  let high = Math.floor(chain / TWO_32) | 0;
  for (let i = 0; i < length; i += 1) {
    const code = i < instance.length ? instance.charCodeAt(i) : rest.charCodeAt(i - instance.length);
    low = Math.imul(low ^ code, LOW_PRIME);
    high = Math.imul((high ^ code) + 1, HIGH_PRIME);
    high ^= high >>> HIGH_SHIFT;
  }
  return (high >>> HIGH_SHIFT) * TWO_32 + (low >>> 0);
}

/**
 * A place that was made here. A record is applied to a draft first and, once it is stored, to the fold below: the place
 * behind this one is kept for that second time, and only until then.
 */
class Made implements Place {
  readonly instance: string;
  readonly seq: number;
  readonly chain: number;
  #behind: Made | undefined = undefined;

  constructor({ instance, seq }: Identity, before: number) {
    this.instance = instance;
    this.seq = seq;
    this.chain = link(before, instance, seq);
  }

  is({ instance, seq }: Identity): boolean {
    return this.seq === seq && this.instance === instance;
  }

  behind(identity: Identity): Made {
    const kept = this.#behind;
    this.#behind = undefined;
    if (kept?.is(identity) === true) return kept;
    return (this.#behind = new Made(identity, this.chain));
  }
}

/** About as many sessions begin within a round trip of the store. */
const BEGUN_MAX = 64;
/** As `#behind`, for first records, which have no place in front of them: by the end of their seq. */
const begun: (Made | undefined)[] = Array.from({ length: BEGUN_MAX });

function begin(identity: Identity): Made {
  const slot = identity.seq % BEGUN_MAX;
  const kept = begun[slot];
  begun[slot] = undefined;
  if (kept?.is(identity) === true) return kept;
  return (begun[slot] = new Made(identity, 0));
}

/** @param before where the journal stood in front of record `n` */
export function nextPlace(
  before: Place | undefined,
  { n, identity }: { readonly n: number; readonly identity: Identity },
): Place {
  if (n === 1) return begin(identity);
  if (before instanceof Made) return before.behind(identity);
  const { instance, seq } = identity;
  return before?.chain === undefined ? { instance, seq } : new Made(identity, before.chain);
}

/** As a cursor has it: `<instance>.<seq>:<chain>`. */
export function formatPlace(place: Place): string {
  const { chain } = place;
  return chain === undefined ? formatIdentity(place) : `${formatIdentity(place)}:${toBase36(chain)}`;
}

export function parsePlace(text: string): Place | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return parseIdentity(text);
  const identity = parseIdentity(text.slice(0, colon));
  const chain = Number.parseInt(text.slice(colon + 1), 36);
  return identity && (Number.isSafeInteger(chain) ? { ...identity, chain } : identity);
}

/** Whether two places at the same number cannot be the same, as far as both are known. */
export function differ(one: Place, other: Place): boolean {
  if (one.instance !== other.instance || one.seq !== other.seq) return true;
  return one.chain !== undefined && other.chain !== undefined && one.chain !== other.chain;
}

/** Whether both say the same of where a journal stands. */
export const isSame = (one: Place, other: Place | undefined): boolean =>
  one.instance === other?.instance && one.seq === other.seq && one.chain === other.chain;

/** What stands at the end of a stored record: its identity, and whom it follows. Ids of instances are short. */
const PLACE = /,"o":"([^"\\]+)"(?:,"p":"([^"\\]+)")?\}$/;
const PLACE_MAX_CHARS = 400;

/**
 * What a stored record says of where it stands, without reading all of it.
 *
 * @returns `identity` absent: it counts on from the record in front of it, which is of the same commit; `follows`
 *   absent: nobody, its own instance's previous record, or one of the same commit
 */
export function placeOf(json: string): { readonly identity?: Identity; readonly follows?: string } {
  const [, o, follows] = PLACE.exec(json.slice(-PLACE_MAX_CHARS)) ?? [];
  const identity = o === undefined ? undefined : parseIdentity(o);
  return { ...(identity && { identity }), ...(follows !== undefined && { follows }) };
}

/**
 * Whether a tail cannot be what follows a record: the store went back, and others have written there since, or the same
 * ones elsewhere. The first record of each commit says whom it follows, unless that is its own instance's previous one;
 * and a tail that is read to its end has to come out where the store stands.
 *
 * @param at the record in front of where the tail should begin; of one that begins earlier the rest is looked at
 * @param cursor where the journal stood as the tail was read
 */
export function contradicts(
  { head, w }: { readonly head: number; readonly w: Place },
  { records, more }: JournalTail,
  cursor: Cursor,
): boolean {
  const behind = records.filter(({ n }) => n > head);
  if (behind[0]?.n !== head + 1) return false;
  // Of the record in front; undefined behind one that cannot be read.
  let last: Place | undefined = w;
  for (const { n, json } of behind) {
    // Neither says whose it is, and a damaged one need not be who counts on.
    if (json === null || !json.startsWith('{')) {
      last = undefined;
      continue;
    }
    const { identity, follows } = placeOf(json);
    if (identity === undefined) {
      last = last && nextPlace(last, { n, identity: { ...last, seq: last.seq + 1 } });
      continue;
    }
    // The first of a commit, or a later one that does not simply count on.
    const countsOn = last === undefined || (identity.instance === last.instance && identity.seq > last.seq);
    const fits = follows === undefined ? countsOn : last === undefined || follows === formatIdentity(last);
    if (!fits) return true;
    last = nextPlace(last, { n, identity });
  }
  // It counts on from a record that is not this one, if it comes out elsewhere than the store.
  if (last === undefined || more) return false;
  const store = parsePlace(cursor.w);
  return store === undefined || differ(last, store);
}
