import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '../../protocol/units.ts';
import { type HttpAnswer } from './respond.ts';
import { requestedVersion } from './request-guards.ts';

export type CardVariant = 'merged' | 'v1' | 'v03';

/** Where clients of all generations look. The last is for those that resolve it against the endpoint's URL. */
export const CARD_PATHS = [
  '/.well-known/agent-card.json',
  '/.well-known/agent.json',
  '/a2a/.well-known/agent-card.json',
];

/** A card rarely changes, but its address does when the server moves. */
const CACHE_CONTROL = 'public, max-age=300';

interface RenderedCard {
  readonly body: string;
  readonly etag: string;
}

/**
 * @param card called once per variant, when it is first asked for: the URL is known only then, and a signature may be
 * another one each time
 * @param always the variant for everybody; `merged` gives 1.0 readers that say so the pure 1.0 card
 */
export function createCardRoute(
  card: (variant: CardVariant) => Promise<JsonObject>,
  always: CardVariant,
): (req: IncomingMessage) => Promise<HttpAnswer> {
  const rendered = new Map<CardVariant, Promise<RenderedCard>>();
  const render = (variant: CardVariant): Promise<RenderedCard> => {
    const known = rendered.get(variant) ?? card(variant).then(toRendered);
    rendered.set(variant, known);
    return known;
  };
  return async (req) => {
    const wantsV1 = /^1\.0(?:\.\d+)?$/.test(requestedVersion(req) ?? '');
    const { body, etag } = await render(always === 'merged' && wantsV1 ? 'v1' : always);
    const headers = { ETag: etag, 'Cache-Control': CACHE_CONTROL, Vary: 'A2A-Version' };
    if (matches(req.headers['if-none-match'], etag)) return { status: 304, headers };
    return { status: 200, headers: { ...headers, 'Content-Type': 'application/json' }, body };
  };
}

function toRendered(card: JsonObject): RenderedCard {
  const body = JSON.stringify(card);
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** RFC 9110 §13.1.2: weak comparison, a list, or `*`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}
