import { StoreUnavailableError } from '../../sessions/session-store.ts';
import { StoreTimeoutError } from '../store-timeout-error.ts';

/** This start and the store disagree on something that keys depend on. */
export class StoreSettingsError extends Error {
  override readonly name = 'StoreSettingsError';
}

/**
 * Answers that say the server cannot serve now, or not us. Scripts quote the code of what failed inside them, at other
 * places of the message in 6 than in 7.
 */
const AWAY =
  /\b(READONLY|LOADING|OOM|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|MISCONF|BUSY|NOSCRIPT|NOAUTH|WRONGPASS|NOPERM)\b/;

/** Those that are about writing, whatever the command: reads may well be answered meanwhile, and say nothing. */
const TAKES_NO_WRITES = /\b(READONLY|LOADING|OOM|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|MISCONF)\b/;

const IS_CLUSTER = ' (a node of a Redis Cluster: use REDIS_CLUSTER_NODES)';

export const isWrongType = (error: Error): boolean => error.message.includes('WRONGTYPE');

/** The error objects of ioredis carry the command and with it the session: only their words go on. */
export function toStoreError(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  // "unknown command 'x', with args beginning with: …"
  const cause = new Error(message.replace(/,? with args.*$/s, ''));
  if (message === 'Command timed out')
    return new StoreTimeoutError('redis did not answer in time', { cause });
  if (name !== 'ReplyError' || AWAY.test(message)) {
    const decisive = name === 'ReplyError' && TAKES_NO_WRITES.test(message);
    // a client of a cluster follows these by itself
    const hint = name === 'ReplyError' && /^(MOVED|ASK) /.test(message) ? IS_CLUSTER : '';
    return new StoreUnavailableError(`redis is not available: ${cause.message}${hint}`, { cause, decisive });
  }
  return cause;
}
