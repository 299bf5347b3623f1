import { type TestServer, useServer } from '../../helpers/server.ts';
import { ScriptedAgent } from './scripted-agent.ts';

/** A server whose agent does what the test says. */
export function useAgentServer(env: Record<string, string> = {}): {
  readonly url: string;
  readonly used: TestServer;
  readonly agent: ScriptedAgent;
} {
  let agent = new ScriptedAgent();
  const used = useServer(() => {
    agent = new ScriptedAgent();
    return { agent };
  }, env);
  return {
    used,
    get url() {
      return used.url;
    },
    get agent() {
      return agent;
    },
  };
}
