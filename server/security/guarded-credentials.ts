import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ProtocolError } from '../../protocol/errors.ts';
import { clientAddress } from './client-address.ts';
import type { Credentials } from './credentials.ts';
import type { Principal } from './principal.ts';
import type { WrongCredentials } from './wrong-credentials.ts';

/** Credentials, with those turned away unread who show wrong ones again and again. */
export class GuardedCredentials {
  readonly #credentials: Pick<Credentials, 'resolve'>;
  readonly #wrong: WrongCredentials;
  readonly #trustProxyHops: number;

  constructor(credentials: Pick<Credentials, 'resolve'>, wrong: WrongCredentials, trustProxyHops: number) {
    this.#credentials = credentials;
    this.#wrong = wrong;
    this.#trustProxyHops = trustProxyHops;
  }

  /** @throws {ProtocolError} as {@link Credentials.resolve}, or RESOURCE_EXHAUSTED, HTTP 429; or rejects with it */
  resolve(req: IncomingMessage): Principal | Promise<Principal> {
    const shown = shownIn(req.headers);
    // That none was shown costs nothing and is how clients ask for the challenge.
    if (shown === undefined) return this.#credentials.resolve(req.headers);
    if (this.#wrong.isWatching) this.#wrong.check(this.#addressOf(req), shown);
    let found: Principal | Promise<Principal>;
    try {
      found = this.#credentials.resolve(req.headers);
    } catch (error) {
      this.#failed(error, this.#addressOf(req), shown);
      throw error;
    }
    if (!(found instanceof Promise)) {
      this.#wrong.succeeded(shown);
      return found;
    }
    // Now: of a client that has left by then nobody knows where it was.
    const address = this.#addressOf(req);
    return found.then(
      (principal) => {
        this.#wrong.succeeded(shown);
        return principal;
      },
      (error: unknown) => {
        this.#failed(error, address, shown);
        throw error;
      },
    );
  }

  #addressOf(req: IncomingMessage): string {
    return clientAddress(req, this.#trustProxyHops);
  }

  /** Not where nobody could tell whether it was good. */
  #failed(error: unknown, address: string, shown: string): void {
    if (error instanceof ProtocolError && error.reason === 'UNAUTHENTICATED')
      this.#wrong.failed(address, shown);
  }
}

function shownIn({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders): string | undefined {
  if (typeof apiKey === 'string' && apiKey !== '') return apiKey;
  return authorization;
}
