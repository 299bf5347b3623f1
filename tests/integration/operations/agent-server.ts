import { buildBackend } from '../../../server/build-backend.ts';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { type TestServer, useServer } from '../../helpers/server.ts';
import { ScriptedAgent } from './scripted-agent.ts';

export interface AgentServer {
  readonly url: string;
  readonly used: TestServer;
  readonly agent: ScriptedAgent;
  /** Sends that have come so far. */
  readonly sends: number;
}

/** A server whose agent does what the test says. */
export function useAgentServer(env: Record<string, string> = {}, store?: () => SessionStore): AgentServer {
  let agent = new ScriptedAgent();
  let sends = 0;
  const used = useServer(() => {
    agent = new ScriptedAgent();
    sends = 0;
    return {
      agent,
      ...(store && { store: store() }),
      buildBackend: async (context) => {
        const backend = await buildBackend(context);
        const { operations } = backend;
        return {
          ...backend,
          operations: {
            ...operations,
            sendMessage: (params, call) => {
              sends += 1;
              return operations.sendMessage(params, call);
            },
          },
        };
      },
    };
  }, env);
  return {
    used,
    get url() {
      return used.url;
    },
    get agent() {
      return agent;
    },
    get sends() {
      return sends;
    },
  };
}
