/** Where sessions live: which of them a caller can reach at all. */
import { hash } from 'node:crypto';
import type { Bytes } from '../../protocol/units.ts';
import type { Principal } from './principal.ts';

/** Who shares sessions and tasks: all callers of a tenant, or only those with the same subject. */
export type Scope = 'tenant' | 'subject';

/** In no tenant and in no subject: credentials have no control characters. */
const SEPARATOR = '\u001f';

/** A subject is a part of every key in the store, and there a key has its bounds (LMDB: 1,978 bytes). */
const SUBJECT_MAX_BYTES: Bytes = 64;

/**
 * The place in which a caller's sessions live: what is called `tenant` in refs, lists, keys and notes of the stores is this.
 * A session of another place is never looked for, so it cannot be told from one that never was.
 *
 * @returns the tenant itself where it is the scope, so that what is stored is what it always was
 */
export function spaceOf(scope: Scope, { tenant, subject }: Pick<Principal, 'tenant' | 'subject'>): string {
  return scope === 'tenant' ? tenant : `${tenant}${SEPARATOR}${shortened(subject)}`;
}

/** One that begins with the separator is no subject, so it is nobody else's. */
function shortened(subject: string): string {
  if (Buffer.byteLength(subject) <= SUBJECT_MAX_BYTES) return subject;
  return SEPARATOR + hash('sha256', subject, 'base64url');
}

/** Back from {@link spaceOf}. `subject` is absent where the place is the whole tenant's. */
export function readSpace(space: string): { readonly tenant: string; readonly subject?: string } {
  const end = space.indexOf(SEPARATOR);
  return end < 0 ? { tenant: space } : { tenant: space.slice(0, end), subject: space.slice(end + 1) };
}

/** Fields of a log line, whose `tenant` may be a place: people are shown tenant and subject, a long one by its hash. */
export function showSpace<T extends { readonly tenant?: unknown }>(fields: T): T {
  if (typeof fields.tenant !== 'string' || !fields.tenant.includes(SEPARATOR)) return fields;
  const { tenant, subject = '' } = readSpace(fields.tenant);
  return { ...fields, tenant, subject: subject.replace(SEPARATOR, 'sha256:') };
}
