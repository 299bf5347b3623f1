import type { SessionRef } from '../../server/sessions/session-ref.ts';
import type { CommitRequest, CommitResult, SessionStore } from '../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';

export interface RewindableStore {
  /** What everybody has open. */
  readonly store: SessionStore;
  /** How many commits it has taken. */
  readonly taken: number;
  /** Everything after so many commits was never there: a replica that lagged was promoted. */
  goBack(taken: number): Promise<void>;
}

/** A store that can lose the last of what it had acknowledged. */
export function createRewindableStore(): RewindableStore {
  let inner = new MemorySessionStore();
  let log: [SessionRef, CommitRequest][] = [];
  const commit = async (ref: SessionRef, request: CommitRequest): Promise<CommitResult> => {
    const result = await inner.commit(ref, request);
    if (result.outcome === 'ok') log.push([ref, request]);
    return result;
  };
  const store = new Proxy<SessionStore>(inner, {
    get: (_, name: keyof SessionStore) => {
      if (name === 'commit') return commit;
      if (name === 'exclusive') return false;
      const value: unknown = Reflect.get(inner, name, inner);
      return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
    },
  });
  return {
    store,
    get taken() {
      return log.length;
    },
    async goBack(taken) {
      const kept = log.slice(0, taken);
      inner = new MemorySessionStore();
      log = [];
      for (const [ref, request] of kept) await commit(ref, request);
    },
  };
}
