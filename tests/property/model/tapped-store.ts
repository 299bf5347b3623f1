import type { CommitRequest, SessionStore } from '../../../server/sessions/session-store.ts';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';

/** A store with another `commit` in front of it. */
export function withCommit(inner: SessionStore, commit: SessionStore['commit']): SessionStore {
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'commit') return commit;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What a commit has written. */
export interface Written {
  readonly sessionId: string;
  readonly epoch: string;
  /** Number of its first record. */
  readonly first: number;
  readonly instance: string;
  readonly seqs: readonly number[];
  readonly jsons: readonly string[];
}

/** Notes every commit that the store has carried out, whether anybody heard of it or not. */
export function withTap(inner: SessionStore, note: (written: Written) => void): SessionStore {
  return withCommit(inner, async (ref, request) => {
    const result = await inner.commit(ref, request);
    if (result.outcome === 'ok') {
      note({
        sessionId: ref.sessionId,
        epoch: request.createEpoch ?? request.expected.epoch,
        first: request.expected.head + 1,
        instance: request.instance,
        seqs: request.records.map(({ seq }) => seq),
        jsons: request.records.map(({ json }) => json),
      });
    }
    return result;
  });
}

/**
 * Gives every attempt another identity, as a system does that makes a new operation id for each retry: what an earlier
 * attempt has stored is then never recognised.
 */
export function withNewIdentities(inner: SessionStore): SessionStore {
  let attempts = 0;
  const storedAs = new Map<string, string>();
  const renamed = (ref: SessionRef, request: CommitRequest): CommitRequest => {
    const instance = `${request.instance}-${++attempts}`;
    const w = storedAs.get(`${ref.sessionId} ${request.expected.w}`) ?? request.expected.w;
    const records = request.records.map(({ seq, json }) => ({
      seq,
      json: JSON.stringify({ ...(JSON.parse(json) as object), o: `${instance}.${seq}` }),
    }));
    return { ...request, instance, expected: { ...request.expected, w }, records };
  };
  return withCommit(inner, async (ref, request) => {
    const attempt = renamed(ref, request);
    const result = await inner.commit(ref, attempt);
    const last = request.records.at(-1);
    if (result.outcome === 'ok' && last !== undefined) {
      const was = `${request.instance}.${last.seq}`;
      storedAs.set(`${ref.sessionId} ${was}`, `${attempt.instance}.${last.seq}`);
    }
    return result;
  });
}
