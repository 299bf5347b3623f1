import { createServer, type HoldfastServer, type ServerParts } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { LogLines } from './log-lines.ts';

export { ServerProcess, useServerProcesses } from './server-process.ts';

type Env = Record<string, string>;

/** Everything is logged, and nothing of this machine's own settings is read. */
export const TEST_ENV: Env = { PORT: '0', LOG_LEVEL: 'debug', A2A_STORE: 'memory', A2A_DRAIN_SECONDS: '0' };

export interface TestServer {
  readonly server: HoldfastServer;
  readonly url: string;
  readonly origin: string;
  readonly logs: LogLines;
}

/**
 * A server in this process for each test of the suite, on a free port, its log lines captured. Its own hooks start and
 * close it.
 *
 * @param parts made anew for each server
 */
export function useServer(parts: () => Partial<ServerParts> = () => ({}), env: Env = {}): TestServer {
  let current: { server: HoldfastServer; url: string; logs: LogLines } | undefined;
  beforeEach(async () => {
    const logs = new LogLines();
    const server = await createServer(parseConfig({ ...TEST_ENV, ...env }), {
      logDestination: logs,
      ...parts(),
    });
    const { url } = await server.listen();
    current = { server, url, logs };
  });
  afterEach(async () => {
    await current?.server.close();
    current = undefined;
  });
  const running = (): NonNullable<typeof current> => {
    if (current === undefined) throw new Error('the server runs only inside a test');
    return current;
  };
  return {
    get server() {
      return running().server;
    },
    get url() {
      return running().url;
    },
    get origin() {
      return new URL(running().url).origin;
    },
    get logs() {
      return running().logs;
    },
  };
}

/** What is asked of a server that runs in this process. */
export interface LocalServer {
  readonly url: string;
  readonly logs: LogLines;
  stop(): Promise<void>;
}

/**
 * Servers in this process, which are begun sooner than in processes of their own: where nobody kills them and nothing
 * hangs on how quick they are. Closed when a test ends.
 */
export function useLocalServers(): (env: Env) => Promise<LocalServer> {
  const local: HoldfastServer[] = [];
  afterEach(async () => {
    await Promise.all(local.splice(0).map((server) => server.close()));
  });
  return async (env) => {
    const logs = new LogLines();
    const config = parseConfig({ PORT: '0', A2A_DRAIN_SECONDS: '0', ...env });
    const server = await createServer(config, { logDestination: logs });
    local.push(server);
    const { url } = await server.listen();
    const stop = async (): Promise<void> => {
      await server.close();
    };
    return { url, logs, stop };
  };
}
