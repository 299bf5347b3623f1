/** What may be wrong with a store, and what can be done about it. */
import type { SessionRef } from '../sessions/session-ref.ts';
import type { Stray } from '../stores/inspection.ts';

export type ProblemKind =
  | Stray['kind']
  | 'damaged-record'
  | 'lost-record'
  | 'unknown-record'
  | 'unopened-record'
  | 'damaged-session'
  | 'index-without-ttl'
  | 'index-damaged'
  | 'unknown-tenant';

export interface Problem {
  readonly kind: ProblemKind;
  readonly place: string;
  readonly sessionId?: string;
  readonly local?: string;
  /** In words; nothing of what was said in the session. */
  readonly what: string;
  /** Set where `store repair` can mend it. */
  readonly mend?: Mend;
}

/** How a problem is mended: never by changing a record. */
export type Mend =
  | { readonly by: 'purge'; readonly ref: SessionRef; readonly index: string; readonly local?: string }
  | { readonly by: 'index'; readonly ref: SessionRef; readonly local: string; readonly index?: string }
  | { readonly by: 'renew'; readonly ref: SessionRef; readonly hasLife: boolean }
  | { readonly by: 'due'; readonly ref: SessionRef }
  | { readonly by: 'retire' }
  | { readonly by: 'note' };
