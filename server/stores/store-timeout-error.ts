import { StoreUnavailableError } from '../sessions/session-store.ts';

/**
 * The store did not answer in time. Told apart because a late event loop of our own looks just the same, and then it
 * says nothing about the store.
 */
export class StoreTimeoutError extends StoreUnavailableError {}
