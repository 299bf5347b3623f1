import type { SendParams } from '../../protocol/model.ts';
import type { CallFacts } from '../agents/request-context.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { CallContext } from './call.ts';

/**
 * What is not stored about the call that brought a message, until its run begins. The message in the session's memory is
 * the very object, so the facts go with it; where it was read from the store, perhaps by another instance, there are none.
 */
const known = new WeakMap<StoredMessage, Brought>();

/** Not the whole call: it has the request behind it, and messages may be queued for long. */
interface Brought extends Pick<CallContext, 'principal' | 'dialect' | 'extensions'> {
  readonly params: SendParams;
}

const VERSIONS = { v1: '1.0', v03: '0.3', v01: '0.1' } as const;
/** Who calls where no credentials are asked for. */
export const NOBODY = 'anonymous';

export function rememberCall(message: StoredMessage, params: SendParams, call: CallContext): void {
  const { principal, dialect, extensions } = call;
  known.set(message, { params, principal, dialect, extensions });
}

/** Once: they may be large, and sessions are kept in memory for long. */
export function takeCallFacts(message: StoredMessage): CallFacts | undefined {
  const brought = known.get(message);
  if (brought === undefined) return undefined;
  known.delete(message);
  const { acceptedOutputModes, historyLength, blocking, metadata } = brought.params;
  const { principal, dialect, extensions } = brought;
  const isAuthenticated = principal.subject !== NOBODY;
  return {
    user: { isAuthenticated, userName: isAuthenticated ? principal.subject : '' },
    version: VERSIONS[dialect],
    extensions,
    acceptedOutputModes,
    historyLength,
    blocking,
    metadata,
  };
}
