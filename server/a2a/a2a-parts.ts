import type { LRUCache } from 'lru-cache';
import type { DurationMs } from '../../protocol/units.ts';
import type { A2ASessionManager } from '../sessions/session-manager.ts';
import type { Log } from '../observability/log-events.ts';
import { type Scope, spaceOf } from '../security/space.ts';
import type { UrlGuard } from '../security/url-guard.ts';
import type { Clock } from '../sessions/session-parts.ts';
import type { CallContext } from './call.ts';
import type { CallerQuotas } from './caller-quotas.ts';
import type { OpenStreams } from './open-streams.ts';
import type { PageTokens } from './page-token.ts';
import type { SharedLooks } from './shared-looks.ts';
import type { TaskRunner } from './task-runner.ts';

/** What every operation is built from. */
export interface A2AParts {
  readonly sessions: A2ASessionManager;
  readonly runner: TaskRunner;
  /** Where v0.1 clients' own task ids led lately: for the time the store is away. */
  readonly aliasHints: LRUCache<string, string>;
  readonly streams: OpenStreams;
  readonly looks: SharedLooks;
  readonly pageTokens: PageTokens;
  readonly clock: Clock;
  readonly log: Log;
  /** Judges where webhooks may be. */
  readonly urlGuard: UrlGuard;
  /** Absent: no tier has quotas. */
  readonly quotas?: CallerQuotas | undefined;
  /** A task whose runner was gone has been settled. */
  readonly onRecovered: () => void;
  readonly settings: {
    /** Who shares sessions and tasks. */
    readonly scope: Scope;
    /** Which sends are taken for repeats of earlier ones; a header may ask for `strict` on one call. */
    readonly idempotency: 'unanswered' | 'strict' | 'off';
    /** For so long after it was sent a message that was answered is still repeated, where it is strict. */
    readonly idempotencyWindowMs: DurationMs;
    /** A blocking call answers after this with the task as it stands. */
    readonly blockingMs: DurationMs;
    /** What a canceled executor has to stop by itself. */
    readonly cancelGraceMs: DurationMs;
  };
}

/** Where the sessions of a call live: what is asked for by an id, or listed, is looked for there and nowhere else. */
export const spaceFor = ({ settings }: Pick<A2AParts, 'settings'>, { principal }: CallContext): string =>
  spaceOf(settings.scope, principal);
