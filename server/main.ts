#!/usr/bin/env node
/** The process: environment, signals, exit codes. The only file that touches `process`. */
import { formatOf } from './agents/agent-format.ts';
import { loadAgent, AgentLoadError } from './agents/load-agent.ts';
import { createServer, type HoldfastServer, type StopReport } from './app.ts';
import { StartError } from './backend.ts';
import { ConfigError, parseConfig } from './config.ts';
import { packageVersion } from './package-info.ts';

const EXIT = { drained: 0, crashed: 1, notConfigured: 2, notStarted: 3, lost: 4 } as const;

const HELP = `Usage: holdfast [--help | --version]

Starts the server. Everything is configured by environment variables; see docs/configuration.md.
Exit codes: 0 stopped, 1 crash, 2 configuration, 3 address in use or data folder not usable,
4 stopped, and acknowledged records are not stored anywhere.
`;

const TRY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tasks/send',
  params: { id: 't1', sessionId: 's1', message: { role: 'user', parts: [{ type: 'text', text: 'hello' }] } },
});

function exit(code: number, line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(code);
}

async function start(): Promise<void> {
  const config = parseConfig(process.env);
  const { agent } = config;
  const own = agent === undefined ? undefined : await loadAgent(agent, process.cwd(), config.agentFormat);
  const server = await createServer(config, {
    ...(own && { agent: own }),
    logDestination: process.stdout,
    pid: process.pid,
  });
  dieLoudly(server);
  const { url } = await server.listen();
  stopOnSignal(server);
  const { storeKind, storeLocation } = server.backend;
  const key = config.apiKeysFile === undefined ? '' : " -H 'X-API-Key: <key>'";
  process.stderr.write(
    `Holdfast ${packageVersion()} listens on ${url}\n` +
      `  store  ${storeKind} at ${storeLocation}\n` +
      `  agent  ${own && agent ? `${agent} (reads ${formatOf(own)})` : 'demo (set A2A_AGENT to run yours)'}\n` +
      `  try    curl -s ${url} -H 'Content-Type: application/json'${key} -d '${TRY}'\n`,
  );
}

/** A process that goes on after a fault nobody handled serves from a state nobody knows; the sessions are stored. */
function dieLoudly(server: HoldfastServer): void {
  const die = (error: unknown): never => {
    server.log('server_crashed', {}, error);
    exit(EXIT.crashed, 'holdfast: crashed; the log line server_crashed has the cause, restart to go on');
  };
  process.on('uncaughtException', die).on('unhandledRejection', die);
}

function stopped({ pendingRecords, keptIn }: StopReport): never {
  if (pendingRecords === 0) process.exit(EXIT.drained);
  const what = `holdfast: the store is away, and ${pendingRecords} acknowledged records are not in it`;
  if (keptIn === undefined) exit(EXIT.lost, `${what}: they are lost`);
  exit(EXIT.drained, `${what}: they are kept in ${keptIn} and stored after the next start`);
}

function stopOnSignal(server: HoldfastServer): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) exit(EXIT.crashed, `holdfast: ${signal} again, stopping at once`);
    stopping = true;
    void server.close().then(stopped);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

// Whoever reads the log may leave; that is no reason to stop serving.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const [argument] = process.argv.slice(2);
if (argument === '--help' || argument === '-h') process.stdout.write(HELP);
else if (argument === '--version' || argument === '-v') process.stdout.write(`${packageVersion()}\n`);
else if (argument !== undefined)
  exit(EXIT.notConfigured, `holdfast: unknown argument ${argument}; try --help`);
else {
  try {
    await start();
  } catch (error) {
    if (error instanceof ConfigError) exit(EXIT.notConfigured, error.message);
    if (error instanceof AgentLoadError) exit(EXIT.notConfigured, `holdfast: ${error.message}`);
    if (error instanceof StartError) exit(EXIT.notStarted, `holdfast: ${error.message}`);
    throw error;
  }
}
