import type { SendParams } from '../../protocol/model.ts';
import type { CallFacts } from '../agents/request-context.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { CallContext } from './call.ts';

/**
 * What is not stored about the call that brought a message, until its run begins. The message in the session's memory is
 * the very object, so the facts go with it; where it was read from the store, perhaps by another instance, there are none.
 */
const known = new WeakMap<StoredMessage, { params: SendParams; call: CallContext }>();

const VERSIONS = { v1: '1.0', v03: '0.3', v01: '0.1' } as const;
/** Who calls where no credentials are asked for. */
export const NOBODY = 'anonymous';

export function rememberCall(message: StoredMessage, params: SendParams, call: CallContext): void {
  known.set(message, { params, call });
}

/** Once: they may be large, and sessions are kept in memory for long. */
export function takeCallFacts(message: StoredMessage): CallFacts | undefined {
  const brought = known.get(message);
  if (brought === undefined) return undefined;
  known.delete(message);
  const { acceptedOutputModes, historyLength, blocking, metadata } = brought.params;
  const { principal, dialect, extensions } = brought.call;
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
