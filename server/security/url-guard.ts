import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseUrl } from '../../protocol/parse-url.ts';
import { isPublicAddress } from './address-rules.ts';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** @throws an error with a `code` when the name has no address */
export type Resolve = (host: string) => Promise<readonly Address[]>;

export interface UrlGuardOptions {
  /** Origins that may be reached although they are private or not https. */
  readonly allow: readonly string[];
  /** Default: what the operating system resolves. */
  readonly resolve?: Resolve;
}

/** The address is not one that a stranger may send this server to. Asking again is of no use. */
export class ForbiddenUrlError extends Error {
  override readonly name = 'ForbiddenUrlError';
}

/** Where a request goes: connect to one of these addresses and to no other. */
export interface Target {
  /** Without a fragment. */
  readonly url: URL;
  /** For `Host` and TLS; an IPv6 address stands without brackets. */
  readonly host: string;
  readonly addresses: readonly Address[];
}

const LOCAL_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|ip6-localhost|ip6-loopback)$/;
const URL_MAX = 2_048;

/**
 * Judges URLs that clients give (A2A 1.0 §13.2). A URL is judged by its spelling when it is taken and by what its host
 * resolves to each time it is used; whoever uses it connects to the addresses that were judged, so that a name that
 * resolves otherwise a moment later leads nowhere else.
 */
export class UrlGuard {
  readonly #allow: ReadonlySet<string>;
  readonly #resolve: Resolve;

  constructor({ allow, resolve }: UrlGuardOptions) {
    this.#allow = new Set(allow);
    this.#resolve = resolve ?? systemResolve;
  }

  /** @returns what is wrong with a URL, in words for the caller; undefined when it may be registered */
  check(text: string): string | undefined {
    if (text.length > URL_MAX) return `must be at most ${URL_MAX} characters`;
    const url = parseUrl(text);
    if (url === undefined) return 'must be an absolute https URL';
    if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https URL';
    if (this.#allow.has(url.origin)) return undefined;
    if (url.protocol !== 'https:') return 'must be an https URL';
    const host = hostOf(url);
    if (isIP(host) !== 0 ? isPublicAddress(host) : !LOCAL_NAME.test(host)) return undefined;
    return 'must not name a private, local or reserved address';
  }

  /**
   * Resolves the host, once.
   *
   * @throws {ForbiddenUrlError} @throws what the resolver throws
   */
  async target(text: string): Promise<Target> {
    const wrong = this.check(text);
    if (wrong !== undefined) throw new ForbiddenUrlError(wrong);
    const url = new URL(text);
    url.hash = '';
    const host = hostOf(url);
    const family = isIP(host);
    const addresses =
      family === 0 ? await this.#resolve(host) : [{ address: host, family: family === 6 ? 6 : 4 } as const];
    if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
    // One bad one among them is enough: who answers so is not to be trusted with the choice.
    const isAllowed =
      this.#allow.has(url.origin) || addresses.every(({ address }) => isPublicAddress(address));
    if (!isAllowed) throw new ForbiddenUrlError('resolves to a private, local or reserved address');
    return { url, host, addresses };
  }
}

/** The URL parser has read every spelling of a number by now; a dot at the end means the same host. */
function hostOf(url: URL): string {
  const { hostname } = url;
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname.replace(/\.+$/, '').toLowerCase();
}

async function systemResolve(host: string): Promise<readonly Address[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}
