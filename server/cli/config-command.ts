/** `holdfast config check`: what the server would say of its environment, without starting it. */
import { type Config, ConfigError, parseConfig } from '../config.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, toJsonText } from './console.ts';

export function checkConfig(args: readonly string[], { env, out, err }: Console): number {
  const asJson = parseArguments(args, { json: 'flag' }).flag('json');
  let config: Config;
  try {
    config = parseConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, message } = error;
    if (asJson) out(toJsonText({ usable: false, problems }));
    else err(`${message}\n`);
    return CLI_EXIT.usage;
  }
  const facts = toFacts(config);
  if (asJson) out(toJsonText({ usable: true, problems: [], ...facts }));
  else {
    const rows = Object.entries(facts).map(([name, value]) => `  ${name.padEnd(12)} ${String(value)}\n`);
    out(`Configuration is usable.\n${rows.join('')}`);
  }
  return CLI_EXIT.done;
}

/** What is most often not what it was meant to be. No secrets. */
function toFacts(config: Config) {
  const { store, host, port, workers, scope, sessionTtlMs, encryption, apiKeysFile, jwt } = config;
  const location =
    store.kind === 'redis' ? store.redis.location : store.kind === 'lmdb' ? store.dataDir : 'this process';
  const credentials = [apiKeysFile !== undefined && 'keys', jwt !== undefined && 'tokens'].filter(Boolean);
  return {
    store: store.kind,
    location,
    listens: `${host}:${port}`,
    workers,
    scope,
    ttlSeconds: sessionTtlMs / 1000,
    credentials: credentials.length === 0 ? 'none' : credentials.join(', '),
    encryption: encryption === undefined ? 'none' : encryption.required ? 'required' : 'on',
  };
}
