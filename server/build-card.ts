import {
  type CardCapabilities,
  type CardInput,
  mergedCard,
  v03Card,
  v1Card,
} from '../protocol/agent-card.ts';
import type { SecurityScheme } from '../protocol/card-security.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { OfferedExtensions } from '../protocol/extensions.ts';
import { InputModes } from '../protocol/media-types.ts';
import type { JsonObject } from '../protocol/units.ts';
import type { CallContext } from './a2a/call.ts';
import type { AgentAbout } from './build-about.ts';
import type { CardVariant } from './http/card-route.ts';
import { packageVersion } from './package-info.ts';
import { createInputCheck } from './rpc/input-check.ts';
import type { RpcServerOptions } from './rpc/rpc-server.ts';
import type { CardSigner } from './security/card-signer.ts';

const RENDER = { merged: mergedCard, v1: v1Card, v03: v03Card };

export interface AgentCardsOptions {
  readonly about: AgentAbout;
  /** URL of the endpoint, as clients reach it; known once the server listens. */
  readonly url: () => string;
  /** What credentials are taken; none: everybody may call. */
  readonly schemes: readonly SecurityScheme[];
  readonly signer?: CardSigner;
}

/** What is said of an agent, and what follows from it for requests: one source, so that the card is true. */
export class AgentCards {
  /** For the RPC server. */
  readonly offer: Pick<RpcServerOptions, 'extensions' | 'checkInput' | 'extendedCard'> & {
    readonly capabilities: CardCapabilities;
  };
  readonly #about: AgentAbout;
  readonly #options: AgentCardsOptions;
  readonly #extended = new Map<'v1' | 'v03', Promise<JsonObject>>();

  constructor(options: AgentCardsOptions) {
    const { about } = options;
    const { extended } = about;
    this.#about = about;
    this.#options = options;
    // It is for callers who are known, and there are none without credentials.
    const extendedAgentCard = extended !== undefined && options.schemes.length > 0;
    this.offer = {
      capabilities: { streaming: true, pushNotifications: true, extendedAgentCard },
      extensions: new OfferedExtensions(about.extensions),
      checkInput: createInputCheck(new InputModes(allInputModes(about))),
      ...(extendedAgentCard && { extendedCard: (call: CallContext) => this.#extendedCard(call) }),
    };
  }

  /** What everybody may read. */
  publicCard(variant: CardVariant): Promise<JsonObject> {
    return this.#render(variant, this.#about);
  }

  /**
   * A2A 1.0 §3.1.11, §13.3.
   *
   * @throws {ProtocolError} EXTENDED_AGENT_CARD_NOT_CONFIGURED when there is none for this caller
   */
  async #extendedCard({ principal, dialect }: CallContext): Promise<JsonObject> {
    const { extended } = this.#about;
    const isForCaller =
      extended?.roles === undefined || extended.roles.some((role) => principal.roles.includes(role));
    if (extended === undefined || !isForCaller) {
      throw new ProtocolError('EXTENDED_AGENT_CARD_NOT_CONFIGURED');
    }
    const variant = dialect === 'v1' ? 'v1' : 'v03';
    const rendered =
      this.#extended.get(variant) ??
      this.#render(variant, {
        ...this.#about,
        description: extended.description ?? this.#about.description,
        skills: [...this.#about.skills, ...(extended.skills ?? [])],
      });
    this.#extended.set(variant, rendered);
    return rendered;
  }

  async #render(variant: CardVariant, about: AgentAbout): Promise<JsonObject> {
    const { url, schemes, signer } = this.#options;
    const input: CardInput = {
      ...about,
      version: about.version ?? packageVersion(),
      url: url(),
      capabilities: this.offer.capabilities,
      security: schemes,
      defaultInputModes: inputModesOf(about),
      defaultOutputModes: about.defaultOutputModes ?? ANYTHING,
    };
    const card = RENDER[variant](input);
    // 0.3 has signatures, and no canonical form that they could be over.
    return signer === undefined || variant === 'v03' ? card : signer.sign(card, v1Card(input));
  }
}

/** What is said of an agent that does not say what it takes and gives: nothing is refused on its behalf. */
const ANYTHING = ['text/plain', 'application/json', '*/*'];

function allInputModes(about: AgentAbout): string[] {
  const skills = [...about.skills, ...(about.extended?.skills ?? [])];
  return [...inputModesOf(about), ...skills.flatMap((skill) => skill.inputModes ?? [])];
}

const inputModesOf = ({ defaultInputModes }: AgentAbout): readonly string[] => defaultInputModes ?? ANYTHING;
