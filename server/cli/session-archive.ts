/**
 * Sessions as lines of JSON, to move them from one store to another: a header, one line for each session, and a last line
 * that says how many there are, so that a file that was cut off is known. What indexes say is in the records.
 */
import type { Scope } from '../security/space.ts';
import { readSpace, spaceOf } from '../security/space.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import type { DerivedState } from '../sessions/session-store.ts';
import { InputError } from './console.ts';

export const ARCHIVE_VERSION = 1;

export interface ArchiveHeader {
  readonly holdfast: 'sessions';
  readonly version: number;
  /** Of the records: the one that `v` says in a record, 1 where it says nothing. */
  readonly schema: number;
  /** Who shares sessions where they come from. */
  readonly scope: Scope;
  readonly store: string;
  /** When it was begun. */
  readonly at: string;
  /** What was encrypted there is not encrypted here. */
  readonly content: 'plain';
}

export interface ArchivedSession {
  readonly ref: SessionRef;
  readonly epoch: string;
  /** Of the cursor at its head. */
  readonly w: string;
  /** When it was exported; the time until it is imported does not count. */
  readonly remainingMs: number;
  readonly answered: readonly number[];
  readonly derived: DerivedState;
  /** From the first, as they are stored; null: not there. */
  readonly records: readonly (string | null)[];
}

export function toHeaderLine(
  header: Omit<ArchiveHeader, 'holdfast' | 'version' | 'schema' | 'content'>,
): string {
  const full: ArchiveHeader = {
    holdfast: 'sessions',
    version: ARCHIVE_VERSION,
    schema: 1,
    ...header,
    content: 'plain',
  };
  return `${JSON.stringify(full)}\n`;
}

export function toSessionLine({ ref, records, ...rest }: ArchivedSession): string {
  const place = readSpace(ref.tenant);
  return `${JSON.stringify({ ...place, id: ref.sessionId, ...rest, records })}\n`;
}

export const toEndLine = (sessions: number): string => `${JSON.stringify({ end: true, sessions })}\n`;

type Members = Readonly<Record<string, unknown>>;

function parseLine(line: string, at: number): Members {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  } catch {
    // Told below, without what is in it.
  }
  throw new InputError(`line ${at} is not a JSON object: the file is damaged or was cut off`);
}

/** @throws {InputError} */
export function readHeader(line: string, scope: Scope): void {
  const header = parseLine(line, 1);
  if (header['holdfast'] !== 'sessions') throw new InputError('line 1 is not the header of an export');
  const { version, schema } = header;
  if (version !== ARCHIVE_VERSION || schema !== 1)
    throw new InputError(
      `line 1: version must be ${ARCHIVE_VERSION} and schema 1, got ${String(version)} and ${String(schema)}`,
    );
  if (header['scope'] !== scope)
    throw new InputError(
      `line 1: the export is of A2A_SCOPE ${String(header['scope'])}, here it is ${scope}`,
    );
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * @param at number of the line
 * @returns a session, or how many there are when it is the last line
 * @throws {InputError} that names the member
 */
export function readSessionLine(line: string, at: number): ArchivedSession | { readonly end: number } {
  const members = parseLine(line, at);
  if (members['end'] === true) return { end: Number(members['sessions']) };
  const { tenant, subject, id, epoch, w, remainingMs, answered, derived, records } = members;
  const wrong = (name: string, must: string): InputError =>
    new InputError(`line ${at}: ${name} must be ${must}`);
  if (!isText(tenant) || tenant === '') throw wrong('tenant', 'a text');
  if (subject !== undefined && !isText(subject)) throw wrong('subject', 'a text');
  if (!isText(id) || id === '') throw wrong('id', 'a text');
  if (!isText(epoch) || !/^\S+$/.test(epoch)) throw wrong('epoch', 'a text without spaces');
  if (!isText(w) || !/^\S+$/.test(w)) throw wrong('w', 'a text without spaces');
  if (!isCount(remainingMs) || remainingMs === 0) throw wrong('remainingMs', 'a whole number above 0');
  if (!Array.isArray(answered) || !answered.every(isCount)) throw wrong('answered', 'numbers of records');
  if (!isDerived(derived)) throw wrong('derived', 'an object with serves and answered');
  if (!Array.isArray(records) || records.length === 0 || !records.every((r) => r === null || isText(r)))
    throw wrong('records', 'texts, at least one');
  const place = subject === undefined ? tenant : spaceOf('subject', { tenant, subject });
  const ref = { tenant: place, sessionId: id };
  return { ref, epoch, w, remainingMs, answered, derived, records: records as (string | null)[] };
}

function isDerived(value: unknown): value is DerivedState {
  if (typeof value !== 'object' || value === null) return false;
  const { serves, answered } = value as Members;
  return isText(serves) && typeof answered === 'boolean';
}
