import { type CardInput, mergedCard, v03Card, v1Card } from '../protocol/agent-card.ts';
import type { JsonObject } from '../protocol/units.ts';
import type { CardVariant } from './http/card-route.ts';
import { packageVersion } from './package-info.ts';

const RENDER = { merged: mergedCard, v1: v1Card, v03: v03Card };

/** What the agent card says of the agent itself. */
export type AgentAbout = Pick<CardInput, 'name' | 'description' | 'skills'>;

export const DEMO_AGENT: AgentAbout = {
  name: 'Holdfast demo agent',
  description: 'Echoes what it is told, and shows that conversations survive a restart of the server.',
  skills: [
    {
      id: 'echo',
      name: 'Echo',
      description: 'Answers any text with the same text.',
      tags: ['demo'],
      examples: ['hello', 'count the eggs'],
    },
    {
      id: 'memory',
      name: 'Memory',
      description: 'recall lists what was said before in this conversation, count counts it.',
      tags: ['demo', 'session'],
      examples: ['recall', 'count', 'state colour blue', 'state colour'],
    },
  ],
};

/** What can be said of an agent that says nothing of itself. */
export const SOME_AGENT: AgentAbout = {
  name: 'Agent on Holdfast',
  description: 'An A2A agent whose conversations and tasks are durable.',
  skills: [
    {
      id: 'converse',
      name: 'Converse',
      description: 'Answers messages in a conversation.',
      tags: ['conversation'],
    },
  ],
};

/** @param url of the endpoint, as clients reach it */
export function buildCard(variant: CardVariant, url: string, about: AgentAbout): JsonObject {
  return RENDER[variant]({
    ...about,
    version: packageVersion(),
    url,
    capabilities: { streaming: false, pushNotifications: false, extendedAgentCard: false },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
  });
}
