import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';

interface Look {
  readonly at: DurationMs;
  readonly isThere: Promise<boolean>;
}

/** Looks at sessions that several wait for: one for all of them, when they ask at about the same time. */
export class SharedLooks {
  readonly #looks = new WeakMap<LiveSession, Map<string, Look>>();

  /**
   * @param what is looked at
   * @param freshMs for so long a look counts
   */
  share(
    session: LiveSession,
    what: string,
    now: DurationMs,
    freshMs: DurationMs,
    look: () => Promise<boolean>,
  ): Promise<boolean> {
    const looks = this.#looks.get(session) ?? new Map<string, Look>();
    this.#looks.set(session, looks);
    const last = looks.get(what);
    if (last !== undefined && now - last.at < freshMs) return last.isThere;
    const isThere = look();
    looks.set(what, { at: now, isThere });
    return isThere;
  }
}
