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
  const extensions = extensionsOf(req);
  if (!lastEventId && idempotencyKey === undefined) return { extensions };
  return {
    // None of ours is that long: what is left of it is a cursor that leads nowhere, like any other.
    ...(lastEventId && { lastEventId: lastEventId.slice(0, LAST_EVENT_ID_MAX_CHARS) }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    extensions,
  };
}

const NONE: readonly string[] = Object.freeze([]);

function extensionsOf(req: IncomingMessage): readonly string[] {
  const named = headerOf(req, 'a2a-extensions');
  const namedEarlier = headerOf(req, 'x-a2a-extensions');
  if (named === undefined && namedEarlier === undefined) return NONE;
  return [...new Set([...listOf(named), ...listOf(namedEarlier)])];
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
