/**
 * JSON in which a long text is put into words once. `JSON.stringify` looks at every character, 2 – 3 ns each, and a message
 * is written several times: for its hash, as a record, in the answer. For 32 kB that was a quarter of what a send costs.
 */
import type { Part } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';

/** Characters from which on it is worth the while. */
export const LONG_TEXT = 4_096;
/** So many are remembered, and so many characters of JSON in all: those of the requests that are being answered. */
const MAX_TEXTS = 128;
const MAX_CHARS = 4_194_304;
/** Nothing of a conversation is remembered for longer: what was erased is gone from here too. */
const FORGOTTEN_AFTER_MS: DurationMs = 1_000;

interface Remembered {
  readonly text: string;
  readonly json: string;
}

let remembered: Remembered[] = [];
let chars = 0;

function forget(): void {
  remembered = [];
  chars = 0;
}

function remember(entry: Remembered): void {
  if (entry.json.length > MAX_CHARS) return;
  if (remembered.length === 0) setTimeout(forget, FORGOTTEN_AFTER_MS).unref();
  remembered.push(entry);
  chars += entry.json.length;
  while (remembered.length > MAX_TEXTS || chars > MAX_CHARS) chars -= remembered.shift()?.json.length ?? 0;
}

/** Two strings are compared by their content, but most often they are one, or differ early or in length. */
function textJson(text: string): string {
  if (text.length < LONG_TEXT) return JSON.stringify(text);
  const known = remembered.findLast((entry) => entry.text === text);
  if (known !== undefined) return known.json;
  const json = JSON.stringify(text);
  remember({ text, json });
  return json;
}

/** Whether there is a text among them that {@link toJson} is for. */
export const haveLongText = (parts: readonly Part[]): boolean =>
  parts.some((part) => ('text' in part ? part.text : 'raw' in part ? part.raw : '').length >= LONG_TEXT);

/** What `JSON.stringify` says. @param value plain JSON: no `toJSON`, no cycles; members that are undefined are left out */
export function toJson(value: unknown): string {
  if (typeof value === 'string') return textJson(value);
  if (typeof value !== 'object' || value === null)
    return value === undefined ? 'null' : JSON.stringify(value);
  let inner = '';
  if (Array.isArray(value)) {
    for (const entry of value) inner += `${inner === '' ? '' : ','}${toJson(entry)}`;
    return `[${inner}]`;
  }
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) inner += `${inner === '' ? '' : ','}${JSON.stringify(name)}:${toJson(member)}`;
  }
  return `{${inner}}`;
}

/** The same, where nobody knows yet whether there is a long text in it: only while some are remembered is it looked for. */
export const toJsonAgain = (value: object): string =>
  remembered.length > 0 ? toJson(value) : JSON.stringify(value);
