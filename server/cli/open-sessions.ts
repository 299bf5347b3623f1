import { A2ASessionManager } from '../sessions/session-manager.ts';
import type { SessionCounters } from '../sessions/session-parts.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { MissingError } from './console.ts';
import { type OpenStore, shownPlace } from './open-store.ts';
import { printable } from './text-table.ts';

const nothing = (): void => undefined;
const NOT_COUNTED: SessionCounters = {
  commit: nothing,
  rehydrated: nothing,
  cache: nothing,
  evicted: nothing,
  refused: nothing,
  dropped: nothing,
  damaged: nothing,
};

/**
 * A session to be changed as a server changes it: decided on its fold, committed at its head, decided again when somebody
 * else was faster. Nothing is started that beats or looks after others.
 *
 * @throws {MissingError} when there is none
 */
export async function withSession<T>(
  { store, config, instance }: OpenStore,
  ref: SessionRef,
  now: () => number,
  work: (session: LiveSession) => Promise<T>,
): Promise<T> {
  const sessions = new A2ASessionManager({
    store,
    instance,
    clock: { now, mono: () => performance.now() },
    ttlMs: config.sessionTtlMs,
    // A look of an operator is no access.
    ttlRefresh: config.sessionTtlRefresh === 'access' ? 'write' : config.sessionTtlRefresh,
    coherence: 'shared',
    cache: { maxSessions: 1, maxBytes: config.sessionMaxBytes },
    limits: {
      recordMaxBytes: config.recordMaxBytes,
      sessionMaxBytes: config.sessionMaxBytes,
      sessionMaxRecords: config.sessionMaxRecords,
    },
    pending: { maxRecords: config.pendingMaxRecords, maxBytes: config.pendingMaxBytes },
    ownMaxBytes: 0,
    deadMs: config.deadMs,
    counters: NOT_COUNTED,
    log: nothing,
  });
  const session = await sessions.open(ref, 'existing');
  if (session === undefined) throw noSession(ref);
  try {
    return await work(session);
  } finally {
    sessions.release(session);
    // It has noted the tenant as whoever serves does; nobody is to look for what this one left.
    await sessions.close();
    await store.forget(instance);
  }
}

export const noSession = ({ tenant, sessionId }: SessionRef): MissingError =>
  new MissingError(`there is no session ${printable(sessionId)} in ${printable(shownPlace(tenant))}`);
