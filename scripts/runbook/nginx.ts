/**
 * The settings of docs/operations/nginx in front of three servers on one Redis: streams come as they are told, and one
 * that breaks because its server died goes on, without a gap, on another.
 *
 *     node --import=tsx scripts/runbook/nginx.ts
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../tests/helpers/eventually.ts';
import { freePorts, startRedis } from '../../tests/helpers/redis.ts';
import { ServerProcess } from '../../tests/helpers/server-process.ts';
import { type Answer, ask, type Asked } from './proxied-client.ts';
import { findNginx, startNginx } from './nginx-process.ts';
import { must, rehearse } from './rehearsal.ts';

const WORDS = Array.from({ length: 150 }, (_, n) => `word${n}`);
/** So many are read before the server is killed: the task takes three seconds, so that it is far from its end. */
const READ_FIRST = 25;

const send = (method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const wordsIn = (text: string): string[] => text.match(/word\d+/g) ?? [];
/** By the agent: the client's own message has them as well. */
const toldIn = (events: readonly string[]): string[] =>
  events.filter((event) => event.includes('"artifactUpdate"')).flatMap(wordsIn);

async function writeAgent(path: string): Promise<void> {
  const docs = await readFile(new URL('../../docs/agents.md', import.meta.url), 'utf8');
  const [, source] = /^`copyist\.mjs`:\n\n```js\n(.*?)^```$/ms.exec(docs) ?? [];
  must(source !== undefined, 'docs/agents.md prints copyist.mjs');
  await writeFile(path, source);
}

async function makeKey(folder: string, role: string): Promise<string> {
  const file = join(folder, 'keys.json');
  const args = ['--tenant', 'acme', '--subject', role, '--role', role, '--file', file];
  const made = ServerProcess.launch({}, folder, 'keys', 'add', ...args);
  must((await made.exited()) === 0, 'a key is made');
  return made.stdout.trim();
}

/** The one that has a stream open. */
async function findStreaming(servers: readonly ServerProcess[], key: string): Promise<ServerProcess> {
  for (const server of servers) {
    const { origin } = new URL(server.url);
    const response = await fetch(`${origin}/metrics`, { headers: { 'X-API-Key': key } });
    if (/^holdfast_streams_open 1$/m.test(await response.text())) return server;
  }
  throw new Error('no server has the stream');
}

/** Reads events until there are so many, or the stream ends or breaks. @returns how many reads it took */
async function read(answer: Answer, events: string[], enough = Infinity): Promise<number> {
  let reads = 0;
  let rest = '';
  try {
    // What is left of it is read later.
    for await (const bytes of answer.body.iterator({ destroyOnReturn: false })) {
      reads += 1;
      const blocks = (rest + String(bytes)).split('\n\n');
      rest = blocks.pop() ?? '';
      events.push(...blocks.filter((block) => block.includes('data:')));
      if (events.length >= enough) return reads;
    }
  } catch {
    // Its server was killed: what came whole counts.
  }
  return reads;
}

await rehearse('nginx', 60_000, async ({ folder, held, atEnd }) => {
  const binary = await findNginx();
  await writeAgent(join(folder, 'copyist.mjs'));
  const [peer, operator] = [await makeKey(folder, 'peer'), await makeKey(folder, 'operator')];
  const redis = await startRedis();
  atEnd(() => redis.stop());
  const env = {
    ...{ REDIS_URL: `unix://${redis.path}`, A2A_AGENT: './copyist.mjs', A2A_API_KEYS_FILE: './keys.json' },
    ...{ A2A_TRUST_PROXY_HOPS: '1', A2A_DEAD_SECONDS: '1', A2A_DRAIN_SECONDS: '1' },
  };
  const servers = [0, 1, 2].map(() => ServerProcess.launch(env, folder));
  atEnd(() => Promise.all(servers.map((server) => server.kill9())));
  await Promise.all(servers.map((server) => server.listening()));
  const [port = 0] = await freePorts(1);
  const addresses = servers.map(({ url }) => new URL(url).host);
  const nginx = await startNginx(binary, folder, port, addresses);
  atEnd(() => nginx.kill('SIGTERM'));
  const through = (asked: Omit<Asked, 'port'>): Promise<Answer> => ask({ port, ...asked });
  await eventually(async () => (await through({ path: '/readyz' })).status === 200);
  held('nginx takes the settings, and serves three servers on one Redis');

  must((await through({ path: '/metrics', key: operator })).status === 404, '/metrics is not for everybody');
  const message = {
    messageId: 'm1',
    contextId: 'ada',
    role: 'ROLE_USER',
    parts: [{ text: WORDS.join(' ') }],
  };
  const params = { message };
  const stream = await through({ key: peer, body: send('SendStreamingMessage', params) });
  must(stream.headers['content-type'] === 'text/event-stream', 'a stream is a stream');
  const events: string[] = [];
  const reads = await read(stream, events, READ_FIRST);
  must(reads >= events.length / 2, `events come as they are told: ${events.length} in ${reads} reads`);
  held(`the first ${events.length} events of a stream came in ${reads} reads`);

  const runner = await findStreaming(servers, operator);
  const broken = read(stream, events);
  await runner.kill9();
  await broken;
  const cursor = /^id: ?(.+)$/m.exec(events.at(-1) ?? '')?.[1] ?? '';
  const seen = toldIn(events).length;
  const id = /"taskId":"([^"]+)"/.exec(events.join('\n'))?.[1] ?? '';
  must(seen < WORDS.length && id !== '' && cursor !== '', 'the stream broke in the middle of its task');
  held(`its server was killed, ${seen} of ${WORDS.length} words in`);

  const resumed = await through({ key: peer, lastEventId: cursor, body: send('SubscribeToTask', { id }) });
  must(resumed.status === 200, `it is resumed: ${resumed.status}`);
  await read(resumed, events);
  const told = toldIn(events);
  must(told.join() === WORDS.join(), `every word was told once, in order: ${told.length} were`);
  must((events.at(-1) ?? '').includes('TASK_STATE_COMPLETED'), 'the stream ends with the task');
  held('another server told the rest behind Last-Event-ID: every word once, in order');

  const got = await through({ key: peer, body: send('GetTask', { id }) });
  const { result } = JSON.parse(await got.text()) as { result: { artifacts: object } };
  must(wordsIn(JSON.stringify(result.artifacts)).join() === WORDS.join(), 'the task has all of it');

  const forged = { 'X-Forwarded-For': '203.0.113.9' };
  const wrong = { key: 'wrong', from: '127.0.0.2', headers: forged, body: send('GetTask', { id }) };
  const statuses = await Promise.all(Array.from({ length: 80 }, async () => (await through(wrong)).status));
  must(statuses.includes(401) && statuses.includes(429), 'wrong keys are refused, then turned away');
  const others = servers.filter((server) => server !== runner);
  const turnedAway = others.flatMap(({ logs }) => logs.of('credentials_turned_away'));
  const whom = new Set(turnedAway.map(({ address }) => address));
  must([...whom].join() === '127.0.0.2', `only the client's own address counts, not ${[...whom].join(' ')}`);
  held('wrong keys count for the address that nginx saw, whatever the client says of itself');

  const codes = await Promise.all(others.map((server) => server.stop()));
  must(codes.join() === '0,0', `the others stop cleanly: ${codes.join()}`);
});
