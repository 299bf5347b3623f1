import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Whether a bind address is reached from this machine only. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host) || host === '::1';

const withoutPort = (host: string): string => host.replace(/:\d*$/, '');

/**
 * DNS rebinding: a web page may point its own name at 127.0.0.1 and then talk to a server bound there as if it were its
 * origin. Its `Host` gives it away. Not needed where the server is reachable from outside anyway.
 *
 * @param publicUrl a proxy on this machine may pass its own name through
 * @returns whether a request may be served
 */
export function createHostGuard(bindHost: string, publicUrl?: string): (req: IncomingMessage) => boolean {
  if (!isLoopback(bindHost)) return () => true;
  const publicHost = publicUrl === undefined ? undefined : new URL(publicUrl).hostname;
  // Most requests are from who asked last, or use the same name.
  let allowedLast: string | undefined;
  return ({ headers: { host } }) => {
    if (host === undefined || host === allowedLast) return true; // none: HTTP/1.0, which no browser speaks
    const name = withoutPort(host);
    const isAllowed = LOOPBACK.test(name) || name.toLowerCase() === publicHost;
    if (isAllowed) allowedLast = host;
    return isAllowed;
  };
}

type Headers = Readonly<Record<string, string>>;

/** Of whom CORS says nothing. */
export const NO_HEADERS: Headers = Object.freeze({});

/** Cross-origin answers for the configured web origins, and for no other. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** @param origins `*` among them is any */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  headersFor(req: IncomingMessage): Headers {
    if (this.#origins.size === 0) return NO_HEADERS;
    const any = this.#origins.has('*');
    const { origin } = req.headers;
    // A cache must not hand one origin's answer to another, nor the answer without an origin.
    const vary: Headers = any ? {} : { Vary: 'Origin' };
    if (origin === undefined || !(any || this.#origins.has(origin))) return vary;
    return {
      ...vary,
      'Access-Control-Allow-Origin': any ? '*' : origin,
      'Access-Control-Expose-Headers':
        'A2A-Persistence, A2A-Extensions, X-A2A-Extensions, Retry-After, WWW-Authenticate',
    };
  }

  preflight(req: IncomingMessage): Headers {
    const headers = this.headersFor(req);
    if (headers['Access-Control-Allow-Origin'] === undefined) return headers;
    return {
      ...headers,
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers':
        'Content-Type, Authorization, X-API-Key, A2A-Version, A2A-Extensions, X-A2A-Extensions, Idempotency-Key, Last-Event-ID',
      'Access-Control-Max-Age': '600',
    };
  }
}

/** A media type of exactly `application/json`, in UTF-8. Any web page can POST `text/plain` to loopback; not this. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const [type, ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type?.trim() !== 'application/json') return false;
  return parameters.every(
    (parameter) => !/^\s*charset\s*=/.test(parameter) || /=\s*"?utf-?8"?\s*$/.test(parameter),
  );
}

/** The version a client asks for: its header, else `?A2A-Version=`. A2A 1.0 §3.6.1. An empty one counts as none. */
export function requestedVersion(req: IncomingMessage): string | undefined {
  const header = req.headers['a2a-version'];
  if (typeof header === 'string' && header.trim() !== '') return header.trim();
  const query = req.url?.indexOf('?') ?? -1;
  if (query < 0) return undefined;
  const value = new URLSearchParams(req.url?.slice(query)).get('A2A-Version');
  return value === null || value.trim() === '' ? undefined : value.trim();
}
