/** Media types of parts, and which of them an agent takes. A2A 1.0 §3.1.1, §4.1.6. */
import type { Part } from './model.ts';

/** `type/subtype`, `type/*` or `*` + `/*`, in the letters of RFC 6838. */
const RANGE = /^(?:\*\/\*|[a-z0-9][\w!#$&^.+-]{0,126}\/(?:\*|[a-z0-9][\w!#$&^.+-]{0,126}))$/i;

/** Whether a card may list this. Parameters have no place there. */
export const isMediaRange = (text: string): boolean => RANGE.test(text);

/** A type as it is compared: without parameters, in small letters. */
const bare = (mediaType: string): string => (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();

/** What every text or data part is, unless it says otherwise. */
const TEXT = 'text/plain';
const DATA = 'application/json';

/** What an agent takes: media types and ranges of them. */
export class InputModes {
  /** As the card lists them. */
  readonly listed: readonly string[];
  readonly #ranges: ReadonlySet<string>;
  readonly #takesFiles: boolean;

  constructor(listed: Iterable<string>) {
    this.#ranges = new Set([...listed].map(bare));
    this.listed = [...this.#ranges];
    this.#takesFiles = this.listed.some((range) => !range.startsWith('text/') && range !== DATA);
  }

  /**
   * A file whose sender did not say what it is cannot be judged, and names of types are optional in every version of
   * A2A: it is taken by an agent that takes anything but text and data.
   */
  takes(part: Part): boolean {
    if (part.mediaType !== undefined && part.mediaType !== '') return this.#covers(bare(part.mediaType));
    if ('text' in part) return this.#covers(TEXT);
    if ('data' in part) return this.#covers(DATA);
    return this.#takesFiles;
  }

  #covers(type: string): boolean {
    const family = `${type.slice(0, type.indexOf('/') + 1)}*`;
    return this.#ranges.has(type) || this.#ranges.has(family) || this.#ranges.has('*/*');
  }
}
