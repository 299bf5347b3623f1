/** The rows of the outage journal: plain in memory, on the disk in the form that the sealer says. */
import type { RecordSealer } from '../../security/record-sealer.ts';
import type { KeptBase, KeptChange } from '../../sessions/outage-journal.ts';
import { toDecided, type RecordBody } from '../../sessions/records.ts';

/** `[tenant, session, instance, seq of the first record]`; seq 0 is the base of them all. */
export type OutageKey = [string, string, string, number];

interface StoredChange {
  readonly at: number;
  readonly slides: boolean;
  /** Head of the journal that it was decided on. */
  readonly on?: number | undefined;
  readonly records: readonly { readonly seq: number; readonly body: RecordBody }[];
}

export interface StoredBase {
  readonly turn: number;
  readonly base: KeptBase;
}

/** Something is there that is not damaged, as far as can be told: it does not open. `message` says what to change. */
export class OutageSealError extends Error {
  override readonly name = 'OutageSealError';
}

/** Rows are bound to the session and to the identity of their first record. */
export class OutageRows {
  readonly #sealer: RecordSealer;

  constructor(sealer: RecordSealer) {
    this.#sealer = sealer;
  }

  seal([tenant, session, instance, seq]: OutageKey, text: string): string {
    if (!this.#sealer.changes) return text;
    this.#sealer.look();
    return this.#sealer.scope('outage', tenant, session, instance).seal(text, seq);
  }

  /** @throws {OutageSealError} */
  open([tenant, session, instance, seq]: OutageKey, stored: string): string {
    const opened = this.#sealer.scope('outage', tenant, session, instance).open(stored, seq);
    if ('text' in opened) return opened.text;
    const { failure, keyId = '' } = opened;
    if (failure === 'unknown-key')
      throw new OutageSealError(
        `holds changes that are sealed with the key ${keyId}: put that key into the file that A2A_ENCRYPTION_KEYS_FILE names`,
      );
    if (failure === 'not-sealed')
      throw new OutageSealError(
        'holds changes that are not sealed: start without A2A_ENCRYPTION_REQUIRED until nothing is pending',
      );
    throw new OutageSealError(
      `holds a change that does not open (${failure}${keyId && `, key ${keyId}`}): move it away, or put a copy in its place`,
    );
  }
}

export function toStored({ records, at, slides, decidedOn: on }: KeptChange): string {
  const plain = records.map(({ identity, body }) => ({ seq: identity.seq, body }));
  return JSON.stringify({ at, slides, on, records: plain } satisfies StoredChange);
}

export function fromStored(instance: string, text: string): KeptChange {
  const { at, slides, on: decidedOn, records } = JSON.parse(text) as StoredChange;
  const decided = records.map(({ seq, body }) => toDecided({ instance, seq }, body));
  return { at, slides, decidedOn, records: decided };
}
