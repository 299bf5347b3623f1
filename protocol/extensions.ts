/** Extensions of A2A: asked for by header, offered by the card. A2A 1.0 §4.6, 0.3 topic "Extensions". */
import type { CardExtension } from './agent-card.ts';
import { ProtocolError } from './errors.ts';
import type { Operation } from './operations.ts';

/**
 * Whether a card may name this extension: an absolute URI in ASCII. It travels in a header, as one of a list with
 * commas between.
 */
export const isExtensionUri = (text: string): boolean =>
  text.length <= 1024 && /^[a-z][a-z0-9+.-]*:[\x21-\x2b\x2d-\x7e]+$/i.test(text);

/**
 * The operations that an extension changes: those that bring a message to the agent. Who only reads, cancels or follows
 * a task says nothing that a required extension could shape, and whoever lost sight of the card can still do so.
 */
const NEEDS_REQUIRED: ReadonlySet<Operation> = new Set(['sendMessage', 'sendStreamingMessage']);

/** What the agent card offers. Names are compared whole: another version of an extension is another extension. */
export class OfferedExtensions {
  readonly #uris: ReadonlySet<string>;
  readonly #required: readonly string[];

  constructor(extensions: readonly CardExtension[] = []) {
    this.#uris = new Set(extensions.map(({ uri }) => uri));
    this.#required = extensions.filter(({ required }) => required === true).map(({ uri }) => uri);
  }

  /**
   * @returns those asked for that are offered, in the order they were asked for (the others are ignored), and the error
   * when one that is required was not asked for
   */
  resolve(
    requested: readonly string[],
    operation: Operation | undefined,
  ): { readonly activated: readonly string[]; readonly error?: ProtocolError } {
    const activated = requested.filter((uri) => this.#uris.has(uri));
    const missing = this.#required.filter((uri) => !requested.includes(uri));
    if (missing.length === 0 || operation === undefined || !NEEDS_REQUIRED.has(operation))
      return { activated };
    const named = missing.join(', ');
    const error = new ProtocolError('EXTENSION_SUPPORT_REQUIRED', {
      message: `The agent requires ${named}: declare it in A2A-Extensions (A2A 0.3: X-A2A-Extensions)`,
      metadata: { extensions: named },
    });
    return { activated, error };
  }
}
