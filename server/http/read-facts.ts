import type { IncomingMessage } from 'node:http';
import type { RequestFacts } from '../rpc/request-facts.ts';

/** Longer than any cursor of ours. */
const LAST_EVENT_ID_MAX_CHARS = 1024;

/** The headers that say more of a call than its body does. */
export function readFacts(
  req: IncomingMessage,
): Pick<RequestFacts, 'lastEventId' | 'idempotencyKey' | 'extensions'> {
  const lastEventId = headerOf(req, 'last-event-id');
  const idempotencyKey = headerOf(req, 'idempotency-key');
  return {
    // None of ours is that long: what is left of it is a cursor that leads nowhere, like any other.
    ...(lastEventId && { lastEventId: lastEventId.slice(0, LAST_EVENT_ID_MAX_CHARS) }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    extensions: [
      ...new Set([...listOf(headerOf(req, 'a2a-extensions')), ...listOf(headerOf(req, 'x-a2a-extensions'))]),
    ],
  };
}

function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

const listOf = (header = ''): string[] =>
  header
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
