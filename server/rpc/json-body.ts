import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';

/** Deepest nesting of arrays and objects in a body, the outermost included. */
export const JSON_MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, and `]` and `}`, differ in this bit only. */
const CURLY = 0x20;
const OPENING = 0x5b | CURLY;
const CLOSING = 0x5d | CURLY;
const OPENINGS = [0x5b, 0x7b];
/** From so many bytes on a search finds the few brackets sooner than a look at each byte: 1 us instead of 50 in 32 kB. */
const LONG: Bytes = 2_048;

// A byte order mark is skipped; any other byte that is not UTF-8 throws instead of becoming U+FFFD in somebody's text.
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Perhaps in a string: then it only takes longer. */
const SIGNED_ZERO = /(?:^|[:[,])\s*-0/;

/**
 * Bytes of a body -> JSON value. The depth is judged on the bytes, before anything is built from them: brackets, quotes
 * and backslashes are ASCII, which never occurs inside a longer UTF-8 sequence. A member called `__proto__` becomes an
 * own property, as JSON.parse makes it; nothing assigns by a caller's key.
 *
 * @throws {ProtocolError} JSON_PARSE
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  // What has no more brackets than levels needs no closer look: nearly every body.
  if (hasMoreOpenings(bytes, JSON_MAX_DEPTH) && isTooDeep(bytes)) {
    throw new ProtocolError('JSON_PARSE', {
      message: `Invalid JSON payload: nested deeper than ${JSON_MAX_DEPTH}`,
    });
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new ProtocolError('JSON_PARSE', { message: 'Invalid JSON payload: not UTF-8' });
  }
  try {
    const hasSignedZero = text.includes('-0') && SIGNED_ZERO.test(text);
    return hasSignedZero ? JSON.parse(text, withoutSignOfZero) : JSON.parse(text);
  } catch {
    // The parser's message quotes the body; the code says enough.
    throw new ProtocolError('JSON_PARSE');
  }
}

const withoutSignOfZero = (_key: string, value: unknown): unknown => (value === 0 ? 0 : value);

function hasMoreOpenings(bytes: Uint8Array, max: number): boolean {
  let found = 0;
  if (bytes.length >= LONG) {
    for (const opening of OPENINGS) {
      for (let at = bytes.indexOf(opening); at !== -1; at = bytes.indexOf(opening, at + 1))
        if (++found > max) return true;
    }
    return false;
  }
  for (let i = 0; i < bytes.length; i++) {
    if (((bytes[i] as number) | CURLY) === OPENING && ++found > max) return true;
  }
  return false;
}

function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if ((byte | CURLY) === OPENING) {
      if (++depth > JSON_MAX_DEPTH) return true;
    } else if ((byte | CURLY) === CLOSING) depth--;
  }
  return false;
}

/** @returns index of the closing quote, or the length when there is none */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let i = start + 1; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}
