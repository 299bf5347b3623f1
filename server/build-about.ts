import type { CardExtension, CardInput, CardSkill } from '../protocol/agent-card.ts';
import { parseOwnCard } from './config-card.ts';
import { ConfigError } from './config.ts';
import type { Log } from './observability/log-events.ts';

/** What the agent card says of the agent itself; what runs decides the rest. */
export interface AgentAbout extends Pick<CardInput, 'name' | 'description' | 'skills'> {
  /** The agent's own version; absent: that of this package. */
  readonly version?: string;
  readonly provider?: { readonly organization: string; readonly url: string };
  readonly documentationUrl?: string;
  readonly iconUrl?: string;
  /** Media types that the agent takes, besides those of its skills. Parts of any other are refused. Absent: any. */
  readonly defaultInputModes?: readonly string[];
  readonly defaultOutputModes?: readonly string[];
  readonly extensions?: readonly CardExtension[];
  /** What callers with credentials are shown besides; with `roles`, only those who have one of them. */
  readonly extended?: {
    readonly description?: string;
    readonly skills?: readonly CardSkill[];
    readonly roles?: readonly string[];
  };
}

export const DEMO_AGENT: AgentAbout = {
  name: 'Holdfast demo agent',
  description: 'Echoes what it is told, and shows that conversations survive a restart of the server.',
  defaultOutputModes: ['text/plain'],
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

export interface AboutSources {
  /** The agent's executor, which may have a `card`; undefined for the demo agent. */
  readonly agent: object | undefined;
  /** From the program that runs the server. */
  readonly program: AgentAbout | undefined;
  /** From the operator's file. */
  readonly file: Partial<AgentAbout> | undefined;
}

/**
 * Member by member: the operator's file, else the program, else the agent itself, else the built-in texts. An executor
 * may have a `card` for purposes of its own; one that cannot be used is no reason not to run it.
 *
 * @throws {ConfigError} when what the program says is not usable
 */
export function chooseAbout({ agent, program, file }: AboutSources, log: Log): AgentAbout {
  const own = agent !== undefined && 'card' in agent ? parseOwnCard(agent.card) : undefined;
  if (own !== undefined && 'problems' in own) log('agent_card_ignored', { problems: own.problems });
  const said = program === undefined ? undefined : parseOwnCard(program);
  if (said !== undefined && 'problems' in said) {
    throw new ConfigError(said.problems.map((problem) => `about: ${problem}`));
  }
  return {
    ...(agent === undefined ? DEMO_AGENT : SOME_AGENT),
    ...(own !== undefined && 'value' in own ? own.value : {}),
    ...said?.value,
    ...file,
  };
}
