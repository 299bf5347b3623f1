#!/usr/bin/env node
/** The process: environment, signals, exit codes. The only file that touches `process`. */
import { AgentLoadError, loadAgent } from './agents/load-agent.ts';
import { formatOf } from './agents/agent-format.ts';
import type { HoldfastServer } from './app.ts';
import { StartError, type StopReport } from './backend.ts';
import { outageFolderOf, refuseUnreadJournals } from './build-outage.ts';
import { CLI_EXIT, OutputError } from './cli/console.ts';
import { runCommand } from './cli/run-command.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import type { Log } from './observability/log-events.ts';
import { createLogger } from './observability/logger.ts';
import { packageVersion } from './package-info.ts';
import { EXIT } from './workers/exit-codes.ts';
import type { Listening } from './workers/messages.ts';
import { NUMBER_VARIABLE, Primary } from './workers/primary.ts';
import { isClusterWorker, linkToPrimary, type WorkerLink } from './workers/worker-link.ts';

const TRY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tasks/send',
  params: { id: 't1', sessionId: 's1', message: { role: 'user', parts: [{ type: 'text', text: 'hello' }] } },
});

/** What a worker may need for its end beside the drain time, such as its last words to clients. */
const STOP_MARGIN_MS = 10_000;

function exit(code: number, line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(code);
}

async function start(): Promise<void> {
  const config = parseConfig(process.env);
  const link = linkToPrimary(process.env[NUMBER_VARIABLE]);
  if (link !== undefined) await serveAsWorker(config, link);
  else if (config.workers > 1) await serveByWorkers(config);
  else await serveAlone(config);
}

async function serveAlone(config: Config): Promise<void> {
  await refuseUnreadJournals(config, process.pid);
  const { listening } = await serve(config, (close) => {
    stopOnSignal((signal, isAgain) => {
      if (isAgain) exit(EXIT.crashed, `holdfast: ${signal} again, stopping at once`);
      void close().then(stopped);
    });
  });
  process.stderr.write(banner(config, listening));
}

async function serveByWorkers(config: Config): Promise<void> {
  const { workers, drainMs, logLevel: level } = config;
  if (isClusterWorker())
    throw new ConfigError(['A2A_WORKERS: must be 1 where another program has put the server into a cluster']);
  const log = createLogger({ level, destination: process.stdout, now: Date.now });
  dieLoudly(log);
  await refuseUnreadJournals(config, process.pid).catch((error: unknown) => {
    log('server_start_failed', {}, error);
    throw error;
  });
  const primary = new Primary({
    workers,
    log,
    stopWithinMs: drainMs + STOP_MARGIN_MS,
    onListening: (listening) => {
      const { host, port, url, store, location } = listening;
      log('server_listening', { host, port, url, store, location, workers });
      process.stderr.write(banner(config, listening));
    },
  });
  stopOnSignal((signal, isAgain) => {
    if (!isAgain) {
      primary.stop();
      return;
    }
    primary.kill();
    exit(EXIT.crashed, `holdfast: ${signal} again, stopping at once`);
  });
  const { code, why } = await primary.run();
  if (why !== undefined) exit(code, `holdfast: ${why}`);
  process.exit(code);
}

async function serveAsWorker(config: Config, link: WorkerLink): Promise<void> {
  const { outageJournal } = config;
  const own =
    outageJournal === undefined
      ? config
      : { ...config, outageJournal: outageFolderOf(outageJournal, link.number) };
  let drain = (): void => undefined;
  const prepare = (close: Close): void => {
    let isDraining = false;
    drain = () => {
      // A terminal and a service manager signal every process of the server, and so does the primary: twice is once.
      if (isDraining) return;
      isDraining = true;
      void close().then(stopped);
    };
    stopOnSignal(drain);
  };
  const { server, listening } = await serve(own, prepare, link);
  link.onPrimaryGone(() => {
    server.log('primary_gone');
    drain();
  });
  link.listening(listening, server.metrics);
}

type Close = () => Promise<StopReport>;

/**
 * Until it takes requests.
 *
 * @param prepare given how to stop before anybody can read that it listens: who starts it may stop it at once
 */
async function serve(
  config: Config,
  prepare: (close: Close) => void,
  link?: WorkerLink,
): Promise<{ server: HoldfastServer; listening: Listening }> {
  const { agent } = config;
  const own = agent === undefined ? undefined : await loadAgent(agent, process.cwd(), config.agentFormat);
  // Not by the primary, which would have it in memory for nothing.
  const { createServer } = await import('./app.ts');
  const server = await createServer(config, {
    ...(own && { agent: own }),
    logDestination: process.stdout,
    pid: process.pid,
    ...(link && { worker: link.number, metricsText: () => link.metricsText() }),
  });
  dieLoudly(server.log);
  const listens = server.listen();
  prepare(async () => {
    await listens;
    return server.close();
  });
  const address = await listens;
  const { storeKind: store, storeLocation: location } = server.backend;
  const shown = own && agent ? `${agent} (reads ${formatOf(own)})` : 'demo (set A2A_AGENT to run yours)';
  return { server, listening: { ...address, store, location, agent: shown } };
}

function banner(config: Config, { url, store, location, agent }: Listening): string {
  const token = config.jwt === undefined ? '' : " -H 'Authorization: Bearer <token>'";
  const key = config.apiKeysFile === undefined ? token : " -H 'X-API-Key: <key>'";
  return (
    `Holdfast ${packageVersion()} listens on ${url}\n` +
    `  store  ${store} at ${location}\n` +
    `  agent  ${agent}\n` +
    (config.workers === 1 ? '' : `  by     ${config.workers} workers\n`) +
    `  try    curl -s ${url} -H 'Content-Type: application/json'${key} -d '${TRY}'\n`
  );
}

/** A process that goes on after a fault nobody handled serves from a state nobody knows; the sessions are stored. */
function dieLoudly(log: Log): void {
  const die = (error: unknown): never => {
    log('server_crashed', {}, error);
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

function stopOnSignal(stop: (signal: string, isAgain: boolean) => void): void {
  let isAgain = false;
  const onSignal = (signal: string): void => {
    stop(signal, isAgain);
    isAgain = true;
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

// Whoever reads the log may leave; that is no reason to stop serving.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

/** What is written to stdout may be waited for: a disk that is full, or a reader who left, ends the command. */
const write = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(new OutputError(`the output cannot be written: ${error.message}`));
      else resolve();
    });
  });

/** What is short is not waited for. On a full disk it is missing all the same; a reader who left has what he wanted. */
const out = (text: string): void => {
  process.stdout.write(text, (error) => {
    if (!error || ('code' in error && error.code === 'EPIPE')) return;
    process.exitCode = CLI_EXIT.unusable;
    process.stderr.write(`holdfast: the output cannot be written: ${error.message}\n`);
  });
};

const TERMINAL = {
  env: process.env,
  now: Date.now,
  pid: process.pid,
  out,
  err: (text: string) => process.stderr.write(text),
  write,
  input: () => process.stdin.setEncoding('utf8') as AsyncIterable<string>,
  columns: process.stderr.isTTY ? process.stderr.columns : undefined,
};

const args = process.argv.slice(2);
const [argument, ...more] = args;
if (argument === '--version' || argument === '-v') process.stdout.write(`${packageVersion()}\n`);
else if (argument !== undefined && (argument !== 'serve' || more.length > 0)) {
  const code = await runCommand(args, TERMINAL);
  process.exitCode ??= code;
} else {
  try {
    await start();
  } catch (error) {
    if (error instanceof ConfigError) exit(EXIT.notConfigured, error.message);
    if (error instanceof AgentLoadError) exit(EXIT.notConfigured, `holdfast: ${error.message}`);
    if (error instanceof StartError) exit(EXIT.notStarted, `holdfast: ${error.message}`);
    throw error;
  }
}
