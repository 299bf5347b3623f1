import { expect } from 'chai';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import type { StoredTask, TaskSeen } from '../../scripts/recovery/recovery-checker.ts';
import { expectedArtifacts } from '../../scripts/recovery/recovery-checker.ts';
import { readTask } from '../../scripts/recovery/wire.ts';
import { eventually } from '../helpers/eventually.ts';
import { call, type RpcReply, sendV01, sendV03, sendV1 } from '../helpers/rpc.ts';
import {
  type LocalServer,
  type ServerProcess,
  useLocalServers,
  useServerProcesses,
} from '../helpers/server.ts';
import { DURABLE_STORES } from './durable-stores.ts';

const DIALECTS: readonly Dialect[] = ['v01', 'v03', 'v1'];
const SEND = { v01: 'tasks/send', v03: 'message/send', v1: 'SendMessage' } as const;
const GET = { v01: 'tasks/get', v03: 'tasks/get', v1: 'GetTask' } as const;
const CANCEL = { v01: 'tasks/cancel', v03: 'tasks/cancel', v1: 'CancelTask' } as const;
const PARAMS = { v01: sendV01, v03: sendV03, v1: sendV1 } as const;
const HEADERS = { v01: {}, v03: { 'A2A-Version': '0.3' }, v1: { 'A2A-Version': '1.0' } } as const;
/** Long enough for all to be killed in the middle, short enough to be run once more. */
const SLOW = 'slow 3 500';
const ENDED = ['completed', 'failed'];

function taskOf(reply: RpcReply): TaskSeen {
  const task = reply.json.result === undefined ? undefined : readTask(reply.json.result);
  if (task === undefined) throw new Error(`no task: ${reply.text}`);
  return task;
}

const sendReply = (
  url: string,
  dialect: Dialect,
  id: string,
  text: string,
  context?: string,
): Promise<RpcReply> => call(url, SEND[dialect], PARAMS[dialect](id, text, context), HEADERS[dialect]);

const send = async (...args: Parameters<typeof sendReply>): Promise<TaskSeen> =>
  taskOf(await sendReply(...args));

const get = async (url: string, dialect: Dialect, id: string): Promise<TaskSeen> =>
  taskOf(await call(url, GET[dialect], { id, historyLength: 100 }, HEADERS[dialect]));

const recall = async (url: string, context: string): Promise<string[]> =>
  (await send(url, 'v1', `recall ${Math.random()}`, 'recall', context)).artifacts[0]?.[0]?.split('\n') ?? [];

async function runningTasks(server: ServerProcess): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', server.url))).text();
  return Number(/^holdfast_tasks_running (\d+)$/m.exec(metrics)?.[1]);
}

/** As much of the answer as there was: all of it, or its beginning. */
function expectAnswer(task: TaskSeen | StoredTask | undefined, text: string): void {
  expect(task?.state).to.be.oneOf(ENDED);
  const [parts = []] = task?.artifacts ?? [];
  const [expected = []] = expectedArtifacts(text);
  expect(parts).to.deep.equal(task?.state === 'completed' ? expected : expected.slice(0, parts.length));
}

for (const [name, useStore] of DURABLE_STORES) {
  describe(`after kill -9 and a restart, on ${name}`, () => {
    const processes = useServerProcesses();
    const startHere = useLocalServers();
    const store = useStore();
    const start = (): Promise<ServerProcess> => processes.start(store.env, store.folder);
    const startAgain = (): Promise<LocalServer> => startHere(store.env);
    const restart = async (server: ServerProcess): Promise<LocalServer> => {
      await server.kill9();
      return await startAgain();
    };

    it('the next message of a mixed conversation is taken in every dialect as the first request, and so is a read', async () => {
      const before = await start();
      const told = await Promise.all(
        DIALECTS.map(async (first) => ({
          first,
          tasks: [
            await send(before.url, 'v01', `one for ${first}`, 'first', `next in ${first}`),
            await send(before.url, 'v03', `two for ${first}`, 'second', `next in ${first}`),
            await send(before.url, 'v1', `three for ${first}`, 'third', `next in ${first}`),
          ],
        })),
      );
      const mine = await send(before.url, 'v01', 'mine', 'hello', 'read');
      const { url } = await restart(before);
      expect(await get(url, 'v01', 'mine')).to.deep.equal({ ...mine, userTexts: ['hello'] });
      for (const { first, tasks } of told) {
        const context = `next in ${first}`;
        const next = await send(url, first, `four for ${first}`, 'fourth', context);
        expect(next).to.include({ context, state: 'completed' });
        expect(await recall(url, context)).to.deep.equal(['first', 'second', 'third', 'fourth']);
        for (const [n, text] of ['first', 'second', 'third'].entries()) {
          const task = await get(url, DIALECTS[n] ?? 'v1', tasks[n]?.id ?? '');
          expect(task).to.deep.equal({ ...tasks[n], userTexts: [text] });
        }
      }
    });

    it('the repeat of an unanswered send gets one task and an answer, in every dialect, in a session and without one', async () => {
      const sends = DIALECTS.flatMap((dialect) =>
        [`in ${dialect}`, undefined].map((context, n) => ({ dialect, context, id: `once ${dialect} ${n}` })),
      );
      const before = await start();
      const unanswered = sends.map(({ dialect, context, id }) =>
        sendReply(before.url, dialect, id, SLOW, context).catch(() => 'unanswered'),
      );
      await eventually(async () => (await runningTasks(before)) === sends.length);
      const { url } = await restart(before);
      expect(await Promise.all(unanswered)).to.deep.equal(sends.map(() => 'unanswered'));

      const answers = await Promise.all(
        sends.map(({ dialect, context, id }) => send(url, dialect, id, SLOW, context)),
      );
      const stored = await store.sessions();
      expect(stored.map(({ userTexts }) => userTexts)).to.deep.equal(sends.map(() => [SLOW]));
      for (const [n, { dialect }] of sends.entries()) {
        const answer = answers[n]!;
        expectAnswer(answer, SLOW);
        expect(await get(url, dialect, answer.id)).to.deep.equal({ ...answer, userTexts: [SLOW] });
        const tasks = stored.find(({ id }) => id === answer.context)?.tasks;
        expect(tasks).to.have.length(1);
        expectAnswer(tasks?.[0], SLOW);
      }
    });

    it('a client with one constant messageId gets a new task each time it was answered, also after a clean stop', async () => {
      const before = await start();
      const answers: TaskSeen[] = [];
      const ask = async (url: string): Promise<void> => {
        for (const context of ['s1', undefined, 's1', undefined])
          answers.push(await send(url, 'v1', 'constant', 'hello', context));
      };
      await ask(before.url);
      expect(await before.stop()).to.equal(0);
      await ask((await startAgain()).url);
      expect(new Set(answers.map(({ id }) => id))).to.have.property('size', 8);
      expect(answers.map(({ state }) => state)).to.deep.equal(Array(8).fill('completed'));
      const stored = await store.sessions();
      expect(stored.flatMap(({ tasks }) => tasks.map(({ id }) => id))).to.have.members(
        answers.map(({ id }) => id),
      );
    });

    it('a message that was marked as answered makes a new task, with nobody left to say goodbye', async () => {
      const before = await start();
      const first = await send(before.url, 'v03', 'constant', 'hello', 's1');
      await eventually(() => store.isMarked('s1'));
      const { url } = await restart(before);
      const second = await send(url, 'v03', 'constant', 'hello', 's1');
      expect(second.id).to.not.equal(first.id);
      expect(await recall(url, 's1')).to.deep.equal(['hello', 'hello']);
    });

    it('an ended task stays as it ended, and takes neither messages nor a cancel', async () => {
      const before = await start();
      const completed = await send(before.url, 'v1', 'm1', 'hello', 's1');
      const slow = sendReply(before.url, 'v01', 'mine', 'slow 2 60000', 's1');
      await eventually(async () => (await runningTasks(before)) === 1);
      const canceled = await call(before.url, CANCEL.v01, { id: 'mine' });
      expect(taskOf(canceled).state).to.equal('canceled');
      expect(taskOf(await slow).state).to.equal('canceled');

      const { url } = await restart(before);
      expect(await get(url, 'v01', 'mine')).to.include({ state: 'canceled' });
      expect(await get(url, 'v1', completed.id)).to.deep.equal({ ...completed, userTexts: ['hello'] });
      expect(await errorCode(url, 'v01', CANCEL.v01, { id: 'mine' })).to.equal(-32002);
      expect(await errorCode(url, 'v1', CANCEL.v1, { id: completed.id })).to.equal(-32002);
      const more = sendV1('m2', 'more', 's1');
      const message = { ...(more['message'] as JsonObject), taskId: completed.id };
      expect(await errorCode(url, 'v1', SEND.v1, { message })).to.equal(-32004);
    });

    it('a task left working, whose repeat never comes, has failed and says why when somebody reads it', async () => {
      const before = await start();
      const unanswered = sendReply(before.url, 'v01', 'mine', 'slow 2 60000', 's1').catch(() => undefined);
      await eventually(async () => (await get(before.url, 'v01', 'mine')).artifacts.length === 1);
      const { url } = await restart(before);
      await unanswered;

      const read = (): Promise<RpcReply> => call(url, GET.v01, { id: 'mine' });
      await eventually(async () => taskOf(await read()).state === 'failed', 10_000);
      const { status } = (await read()).json.result as { status: { message: { parts: { text: string }[] } } };
      expect(status.message.parts[0]?.text).to.match(/^The instance that ran this task stopped/);
      expect(taskOf(await read()).artifacts).to.deep.equal([['chunk 0']]);
      expect(await recall(url, 's1')).to.deep.equal(['slow 2 60000']);
    });
  });
}

async function errorCode(
  url: string,
  dialect: Dialect,
  method: string,
  params: JsonObject,
): Promise<unknown> {
  return (await call(url, method, params, HEADERS[dialect])).json.error?.code;
}
