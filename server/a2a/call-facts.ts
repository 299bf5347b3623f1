import type { SendParams } from '../../protocol/model.ts';
import type { CallFacts } from '../agents/request-context.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { CallContext } from './call.ts';

/**
 * What is not stored about the call that brought a message, until its run begins. The message in the session's memory is
 * the very object, so the facts go with it; where it was read from the store, perhaps by another instance, there are none.
 */
const known = new WeakMap<StoredMessage, CallFacts>();

const VERSIONS = { v1: '1.0', v03: '0.3', v01: '0.1' } as const;
/** Who calls where no credentials are asked for. */
const NOBODY = 'anonymous';

export function rememberCall(message: StoredMessage, params: SendParams, call: CallContext): void {
  const { subject } = call.principal;
  const isAuthenticated = subject !== NOBODY;
  const { acceptedOutputModes, historyLength, blocking, metadata } = params;
  known.set(message, {
    user: { isAuthenticated, userName: isAuthenticated ? subject : '' },
    version: VERSIONS[call.dialect],
    extensions: call.extensions,
    acceptedOutputModes,
    historyLength,
    blocking,
    metadata,
  });
}

/** Once: they may be large, and sessions are kept in memory for long. */
export function takeCallFacts(message: StoredMessage): CallFacts | undefined {
  const facts = known.get(message);
  known.delete(message);
  return facts;
}
