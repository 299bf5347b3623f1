/**
 * The package as somebody gets it: packed, installed without development dependencies and without a single install
 * script, run by its command, killed and run again; its types, its examples, and its spans.
 *
 *     node --import=tsx scripts/runbook/package.ts
 */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageVersion } from '../../server/package-info.ts';
import { NotHereError, must, rehearse } from './rehearsal.ts';
import { finish, NotFinishedError, StartedServer } from './started-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const TYPED = `
import { A2ASessionManager, createServer, openSessions, parseConfig } from 'holdfast';
import type { AgentExecutor, Decide, RecordBody } from 'holdfast';
const agent: AgentExecutor = { execute: async () => undefined };
const server = await createServer(parseConfig({ PORT: '0' }), { agent });
const address: { readonly url: string } = await server.listen();
const { sessions, close } = await openSessions(parseConfig({}));
const manager: A2ASessionManager = sessions;
const decide: Decide = (draft, at): RecordBody[] => (draft.exists ? [] : [{ t: 'created', at }]);
const session = await manager.open({ tenant: 'default', sessionId: address.url }, 'create');
export const outcome: 'stored' | 'deferred' | 'unchanged' | undefined = await session?.change(decide);
await close();
// @ts-expect-error the environment is of texts: were the types not found, this would be no error
parseConfig({ PORT: 0 });
`;

/** As docs/operations/README.md says: an SDK that is registered before the server starts. */
const TRACING = `
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { appendFileSync } from 'node:fs';
const onEnd = ({ name }) => appendFileSync('spans', name + '\\n');
const processor = { onStart() {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
new NodeTracerProvider({ spanProcessors: [processor] }).register();
`;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Nothing of a checkout that whoever installs it would carry for nothing. */
function checkContents(paths: readonly string[]): void {
  const wanted = /^(?:dist\/.*\.(?:js|d\.ts)|docs\/.*|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
  const unwanted = paths.filter((path) => !wanted.test(path));
  must(unwanted.length === 0, `the package has nothing to spare: ${unwanted.join(' ')}`);
  for (const path of ['dist/server/main.js', 'dist/server/index.d.ts', 'docs/library.md', 'LICENSE'])
    must(paths.includes(path), `the package has ${path}`);
}

/** As little of this shell's settings as will do. */
const env = (folder: string): NodeJS.ProcessEnv => {
  const { PATH, HOME } = process.env;
  const kept = Object.entries(process.env).filter(([name]) => /^(?:npm_config_registry|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(name)); // prettier-ignore
  return { PATH, HOME, ...Object.fromEntries(kept), A2A_DATA_DIR: join(folder, 'data') };
};

await rehearse('package', 180_000, async ({ folder, held, atEnd }) => {
  const inRoot = { cwd: ROOT, env: env(folder) };
  const { stdout } = await finish('npm', ['pack', '--json', '--pack-destination', folder], inRoot);
  // What prepack prints comes first.
  const [packed] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as Packed[];
  must(packed !== undefined, 'npm pack says what it packed');
  checkContents(packed.files.map(({ path }) => path));
  held(`packed: ${packed.files.length} files`);

  const app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const inApp = { cwd: app, env: env(app) };
  const quiet = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'];
  await finish('npm', ['install', ...quiet, join(folder, packed.filename)], inApp).catch((error: unknown) => {
    if (error instanceof NotFinishedError && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(error.stderr))
      throw new NotHereError('the package registry does not answer');
    throw error;
  });
  held('installed without install scripts and development dependencies');

  const holdfast = (...args: string[]) => finish('npx', ['--no-install', 'holdfast', ...args], inApp);
  must((await holdfast('--version')).stdout.trim() === packageVersion(), 'holdfast --version says it');
  const file = join(app, 'keys.json');
  const made = await holdfast('keys', 'add', '--tenant', 'acme', '--subject', 'ada', '--file', file);
  must(/^hf_\S+$/.test(made.stdout.trim()), 'holdfast keys add shows a key');
  held('holdfast --version, holdfast keys add');

  const serve = async (): Promise<StartedServer> => {
    const server = new StartedServer('npx', ['--no-install', 'holdfast', 'serve'], {
      cwd: app,
      env: { ...env(app), PORT: '0', A2A_API_KEYS_FILE: file },
    });
    atEnd(() => server.kill());
    await server.listening();
    return server;
  };
  const key = made.stdout.trim();
  const first = await serve();
  must((await first.say('my name is Ada', key)).includes('echo: my name is Ada'), 'a send is answered');
  await first.kill();
  const second = await serve();
  must((await second.say('recall', key)).includes('my name is Ada'), 'the session is there again');
  await second.kill();
  held('npx holdfast serve: one send, kill -9, and the session is still there');

  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  await writeFile(join(app, 'typed.mts'), TYPED);
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  await finish(process.execPath, [compiler, ...strict, '--skipLibCheck', 'false', 'typed.mts'], inApp);
  held('its types are found and checked, strictly and as a whole');

  const examples = join(app, 'node_modules/holdfast/docs/examples');
  for (const name of await readdir(examples)) await cp(join(examples, name), join(app, name));
  const notes = (...words: string[]) =>
    finish(process.execPath, ['session-notes.mjs', 'shopping', ...words], inApp);
  await notes('milk');
  must((await notes('eggs')).stdout.includes('- milk\n- eggs\n'), 'the example reads back its session');
  const embedded = new StartedServer(process.execPath, ['embed-server.mjs'], {
    cwd: app,
    env: { ...env(app), PORT: '0' },
  });
  atEnd(() => embedded.kill());
  await embedded.listening();
  must((await embedded.say('hello')).includes('1: hello'), 'the agent of the example answers');
  held('the examples run on it');

  await finish('npm', ['install', ...quiet, '@opentelemetry/sdk-trace-node@2'], inApp);
  await writeFile(join(app, 'tracing.mjs'), TRACING);
  const main = 'node_modules/holdfast/dist/server/main.js';
  const traced = new StartedServer(process.execPath, ['--import', './tracing.mjs', main], {
    cwd: app,
    env: { ...env(app), PORT: '0', A2A_DATA_DIR: join(app, 'traced') },
  });
  atEnd(() => traced.kill());
  await traced.listening();
  await traced.say('hello');
  await traced.kill();
  const spans = await readFile(join(app, 'spans'), 'utf8').catch(() => '');
  for (const name of ['holdfast commit', 'holdfast agent run'])
    must(spans.includes(`${name}\n`), `the OpenTelemetry SDK is told of ${name}`);
  held('the OpenTelemetry SDK that is installed beside it gets its spans');
});
