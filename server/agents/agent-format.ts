/**
 * In which form an agent reads messages and tasks: A2A 1.0 JSON, the protobuf objects of `@a2a-js/sdk` 1.x, or the
 * objects of that SDK's 0.3 line. What it publishes is told by its shape and needs no choice.
 */
export const AGENT_FORMATS = ['json', 'sdk-1', 'sdk-0.3'] as const;
export type AgentFormat = (typeof AGENT_FORMATS)[number];

const chosen = new WeakMap<object, AgentFormat>();

/** Says how an agent reads, whatever it says of itself. */
export function chooseFormat(agent: object, format: AgentFormat): void {
  chosen.set(agent, format);
}

/** What was chosen for the agent, else what it says of itself in its member `format`, else JSON. */
export function formatOf(agent: object): AgentFormat {
  return chosen.get(agent) ?? ownFormat(agent) ?? 'json';
}

/** @returns undefined when the agent says nothing, or uses the name for something else */
export function ownFormat(agent: object): AgentFormat | undefined {
  const format: unknown = Reflect.get(agent, 'format');
  return AGENT_FORMATS.find((known) => known === format);
}
