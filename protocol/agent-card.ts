/** The agent card, as each generation of clients reads it: A2A 1.0 §4.4 and §8, 0.3 §5.5, 0.1 §5.5. */
import { mergedSecurity, type SecurityScheme, v03Security, v1Security } from './card-security.ts';
import { present, unlessEmpty } from './dialects/present.ts';
import type { JsonObject } from './units.ts';

export interface CardSkill {
  id: string;
  name: string;
  description: string;
  tags: readonly string[];
  examples?: readonly string[];
  inputModes?: readonly string[];
  outputModes?: readonly string[];
}

/** A2A 1.0 §4.4.4. */
export interface CardExtension {
  readonly uri: string;
  readonly description?: string;
  /** Clients have to declare it with every message. */
  readonly required?: boolean;
  readonly params?: JsonObject;
}

/** What there is to say about an agent, in nobody's format. What it says must be true of the server that shows it. */
export interface CardInput {
  name: string;
  description: string;
  /** The agent's own version, not that of the protocol. */
  version: string;
  /** The one JSON-RPC endpoint, absolute. */
  url: string;
  provider?: { organization: string; url: string };
  documentationUrl?: string;
  iconUrl?: string;
  capabilities: CardCapabilities;
  extensions?: readonly CardExtension[];
  /** Any of them will do; none: everybody may call. */
  security?: readonly SecurityScheme[];
  /** Media types. */
  defaultInputModes: readonly string[];
  defaultOutputModes: readonly string[];
  skills: readonly CardSkill[];
}

export interface CardCapabilities {
  readonly streaming: boolean;
  readonly pushNotifications: boolean;
  readonly extendedAgentCard: boolean;
}

function toSkill(skill: CardSkill): JsonObject {
  return present({
    id: skill.id,
    name: skill.name,
    description: skill.description,
    tags: [...skill.tags],
    examples: unlessEmpty(skill.examples && [...skill.examples]),
    inputModes: unlessEmpty(skill.inputModes && [...skill.inputModes]),
    outputModes: unlessEmpty(skill.outputModes && [...skill.outputModes]),
  });
}

/** What all generations call the same. */
function sharedMembers(input: CardInput): JsonObject {
  return present({
    name: input.name,
    description: input.description,
    version: input.version,
    provider: input.provider && { organization: input.provider.organization, url: input.provider.url },
    documentationUrl: input.documentationUrl,
    iconUrl: input.iconUrl,
    defaultInputModes: [...input.defaultInputModes],
    defaultOutputModes: [...input.defaultOutputModes],
    skills: input.skills.map(toSkill),
  });
}

/** In order of preference. 0.1 has no word for an interface: its clients find the endpoint under `url`. */
function toInterfaces(url: string): JsonObject[] {
  return ['1.0', '0.3'].map((protocolVersion) => ({ url, protocolBinding: 'JSONRPC', protocolVersion }));
}

function toExtension({ uri, description, required, params }: CardExtension): JsonObject {
  // Not `required: false`: a default is what canonical forms differ on, and signatures with them.
  return present({ uri, description, required: required === true ? true : undefined, params });
}

const extensionsOf = ({ extensions }: CardInput): JsonObject =>
  present({ extensions: unlessEmpty(extensions?.map(toExtension)) });

function v1Capabilities(input: CardInput): JsonObject {
  const { streaming, pushNotifications, extendedAgentCard } = input.capabilities;
  return { streaming, pushNotifications, ...extensionsOf(input), extendedAgentCard };
}

/** `stateTransitionHistory` promises a list of past states that no version ever gave a place to. */
function v03Capabilities(input: CardInput): JsonObject {
  const { streaming, pushNotifications } = input.capabilities;
  return { streaming, pushNotifications, stateTransitionHistory: false, ...extensionsOf(input) };
}

/** For readers that refuse what a2a.proto does not name. */
export function v1Card(input: CardInput): JsonObject {
  return {
    ...sharedMembers(input),
    supportedInterfaces: toInterfaces(input.url),
    capabilities: v1Capabilities(input),
    ...v1Security(input.security ?? []),
  };
}

/** For readers of 0.3 only. Their `protocolVersion` has a patch number. */
export function v03Card(input: CardInput): JsonObject {
  return {
    ...sharedMembers(input),
    protocolVersion: '0.3.0',
    url: input.url,
    preferredTransport: 'JSONRPC',
    // repeats the main one, as A2A 0.3 §5.6.2 asks for
    additionalInterfaces: [{ url: input.url, transport: 'JSONRPC' }],
    capabilities: v03Capabilities(input),
    ...v03Security(input.security ?? []),
    supportsAuthenticatedExtendedCard: input.capabilities.extendedAgentCard,
  };
}

/**
 * One card for every reader. Safe, because 1.0 readers are to ignore what they do not know (A2A 1.0 §5.7) and the
 * schemas of 0.x are open. The version header does not tell readers apart: some 1.0 clients send none for the card.
 */
export function mergedCard(input: CardInput): JsonObject {
  return {
    ...v03Card(input),
    ...v1Card(input),
    capabilities: { ...v03Capabilities(input), ...v1Capabilities(input) },
    ...mergedSecurity(input.security ?? []),
  };
}
