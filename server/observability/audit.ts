/**
 * What is told of who did what: a stream of its own, apart from the log. Ids, names and numbers; never content, never a
 * secret. `docs/audit.md` lists the same events, and a test holds it to this table.
 */
import type { EpochMs } from '../../protocol/units.ts';

export const AUDIT_EVENTS = {
  authentication_failed: 'a credential was missing, wrong or expired, or an address was turned away unread',
  access_denied: 'a caller asked for what its roles do not allow, or named a tenant that is not its own',
  sessions_erased: 'sessions were erased',
  erasure_incomplete: 'sessions were to be erased, and the store went away in the middle',
  keys_changed: 'the server has read other API keys than before',
  key_added: 'an API key was made by `holdfast keys add`',
  key_revoked: 'an API key was revoked by `holdfast keys revoke`',
} as const;

export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** Who acted, as its credential says; absent where nobody was known. */
export interface AuditWho {
  readonly tenant: string;
  readonly subject: string;
  /** Id of the API key; absent for tokens and for keys without one. */
  readonly credential?: string | undefined;
}

export interface AuditEntry {
  readonly who?: AuditWho;
  /** Address of the caller. */
  readonly from?: string | undefined;
  readonly [member: string]: unknown;
}

export type Audit = (event: AuditEvent, entry: AuditEntry) => void;

const TEXT_MAX_CHARS = 512;
/** Also the ends of lines that are no control characters, and what shows a text in another order than it has. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One line of JSON, without its end. What others have chosen is bounded and has no control characters. */
export function toAuditLine(at: EpochMs, event: AuditEvent, entry: AuditEntry): string {
  return JSON.stringify(
    { stream: 'audit', at: new Date(at).toISOString(), event, ...entry },
    (_, value: unknown) =>
      typeof value === 'string' ? value.slice(0, TEXT_MAX_CHARS).replace(CONTROLS, '?') : value,
  );
}
