import { expect } from 'chai';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { sendV01, sendV03, sendV1 } from '../helpers/rpc.ts';
import { type ServerProcess, useLocalServers, useServerProcesses } from '../helpers/server.ts';
import { type Frame, Wire } from '../conformance/wire.ts';
import { DURABLE_STORES } from './durable-stores.ts';

const DIALECTS: readonly Dialect[] = ['v1', 'v03', 'v01'];
const SEND = { v1: 'SendMessage', v03: 'message/send', v01: 'tasks/send' } as const;
const STREAM = { v1: 'SendStreamingMessage', v03: 'message/stream', v01: 'tasks/sendSubscribe' } as const;
const PARAMS = { v1: sendV1, v03: sendV03, v01: sendV01 } as const;

interface Shown {
  readonly id: string;
  readonly status: { readonly state: string };
  readonly artifacts?: readonly { readonly parts: readonly { readonly text?: string }[] }[];
}

const taskIn = (result: JsonObject): Shown => (result['task'] ?? result) as unknown as Shown;
const textOf = ({ artifacts = [] }: Shown): string =>
  artifacts.flatMap(({ parts }) => parts.map(({ text }) => text ?? '?')).join('|');
const stateOf = ({ status }: Shown): string => status.state.replace('TASK_STATE_', '').toLowerCase();
const last = (frames: readonly Frame[]): JsonObject => frames.at(-1)?.result ?? {};

for (const [name, useStore] of DURABLE_STORES) {
  describe(`sends that are sent again, on ${name}`, function () {
    this.timeout(20_000);
    const processes = useServerProcesses();
    const startHere = useLocalServers();
    const store = useStore();
    /** Whom clients ask. */
    let server: { readonly url: string };
    const start = async (env: Record<string, string> = {}): Promise<ServerProcess> => {
      const started = await processes.start({ ...store.env, ...env }, store.folder);
      server = started;
      return started;
    };
    const startAgain = async (env: Record<string, string> = {}): Promise<void> => {
      server = await startHere({ ...store.env, ...env });
    };
    const restart = async (before: ServerProcess, env: Record<string, string> = {}): Promise<void> => {
      await before.kill9();
      await startAgain(env);
    };
    const wire = (dialect: Dialect): Wire => new Wire(() => server.url, dialect);
    const send = async (
      dialect: Dialect,
      params: JsonObject,
      headers: Record<string, string> = {},
    ): Promise<Shown> => taskIn(await wire(dialect).result(SEND[dialect], params, headers));
    const stored = async () => (await store.sessions()).flatMap(({ tasks }) => tasks);

    /** Sends, hangs up before the answer, and returns when what was asked for is in this state all the same. */
    const sendAndLeave = async (dialect: Dialect, params: JsonObject, state: string): Promise<void> => {
      const before = (await stored()).length;
      const leave = new AbortController();
      const headers = {
        'Content-Type': 'application/json',
        ...(dialect === 'v1' && { 'A2A-Version': '1.0' }),
      };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: SEND[dialect], params });
      const sending = fetch(server.url, { method: 'POST', headers, body, signal: leave.signal }).catch(
        () => 'unanswered',
      );
      await eventually(async () => (await stored()).length === before + 1);
      leave.abort();
      expect(await sending).to.equal('unanswered');
      await eventually(async () => (await stored()).every((task) => task.state === state));
    };

    it('have their one task, ended meanwhile and its server killed, whichever way and in whatever dialect they ask again', async () => {
      const before = await start();
      const sent: { dialect: Dialect; id: string; params: JsonObject }[] = [];
      for (const dialect of DIALECTS) {
        for (const [n, context] of ['here', 'here', undefined, undefined].entries()) {
          const id = `once ${dialect} ${n}`;
          const params = PARAMS[dialect](id, 'slow 3 80', context);
          await sendAndLeave(dialect, params, 'completed');
          sent.push({ dialect, id, params });
        }
      }
      const ids = (await stored()).map(({ id }) => id);
      await restart(before);
      for (const [n, { dialect, id, params }] of sent.entries()) {
        if (n % 2 === 0) {
          const again = await send(dialect, params);
          expect([stateOf(again), textOf(again)]).to.deep.equal(['completed', 'chunk 0|chunk 1|chunk 2']);
          if (dialect !== 'v01') expect(ids).to.include(again.id);
          continue;
        }
        const stream = await wire(dialect).stream(STREAM[dialect], params);
        const frames = await stream.rest();
        if (dialect === 'v01') expect(last(frames)).to.deep.include({ id, final: true });
        else expect(ids).to.include(taskIn(frames[0]!.result).id);
        expect(JSON.stringify(frames)).to.match(/chunk 0.*chunk 1.*chunk 2/);
        expect(JSON.stringify(last(frames))).to.match(/completed/i);
      }
      expect((await stored()).map(({ id }) => id)).to.have.members(ids);
    });

    it('have their one task when their stream broke with its server, in every dialect', async () => {
      const before = await start();
      const sent = DIALECTS.map((dialect) => ({
        dialect,
        params: PARAMS[dialect](`once ${dialect}`, 'slow 4 400', undefined),
      }));
      const streams = await Promise.all(
        sent.map(({ dialect, params }) => wire(dialect).stream(STREAM[dialect], params)),
      );
      await Promise.all(streams.map((stream) => stream.next()));
      await before.kill9();
      await Promise.all(streams.map((stream) => stream.rest().catch(() => undefined)));
      const ids = (await stored()).map(({ id }) => id);
      expect(ids).to.have.length(DIALECTS.length);
      await startAgain();
      const told = await Promise.all(
        sent.map(async ({ dialect, params }) => {
          const again = await wire(dialect).stream(STREAM[dialect], params);
          return { dialect, frames: await again.rest() };
        }),
      );
      const tasks = await stored();
      expect(tasks.map(({ id }) => id)).to.have.members(ids);
      for (const { state } of tasks) expect(state).to.be.oneOf(['completed', 'failed']);
      const names = told.map(({ dialect, frames }) =>
        dialect === 'v01' ? '' : taskIn(frames[0]!.result).id,
      );
      for (const [n, { frames }] of told.entries()) {
        // A 0.1 client knows its task by an id of its own: it is the one that is left.
        const task = tasks.find(({ id }) => (names[n] === '' ? !names.includes(id) : id === names[n]));
        expect(JSON.stringify(last(frames))).to.match(
          new RegExp(`"\\w*${task?.state ?? 'no such task'}"`, 'i'),
        );
      }
    });

    it('have the task that was canceled, in every dialect', async () => {
      const before = await start();
      const sent: { dialect: Dialect; id: string; params: JsonObject }[] = [];
      for (const dialect of DIALECTS) {
        const params = PARAMS[dialect](`once ${dialect}`, 'slow 2 60000', 'here');
        await sendAndLeave(dialect, params, 'working');
        const task = (await stored()).at(-1);
        sent.push({ dialect, id: dialect === 'v01' ? `once ${dialect}` : (task?.id ?? ''), params });
      }
      for (const { dialect, id } of sent)
        await wire(dialect).result(dialect === 'v1' ? 'CancelTask' : 'tasks/cancel', { id });
      await restart(before);
      for (const { dialect, id, params } of sent) {
        const again = await send(dialect, params);
        expect([again.id, stateOf(again)]).to.deep.equal([id, 'canceled']);
      }
      expect(await stored()).to.have.length(DIALECTS.length);
    });

    it('have the bare message of the first one after a restart, where idempotency is strict', async () => {
      const before = await start({ A2A_IDEMPOTENCY: 'strict' });
      const sent = ['here', undefined].map((context) =>
        sendV1(`once ${context ?? ''}`, 'msg just words', context),
      );
      const first: JsonObject[] = [];
      for (const params of sent) first.push(await wire('v1').result('SendMessage', params));
      for (const result of first) expect(Object.keys(result)).to.deep.equal(['message']);
      await restart(before, { A2A_IDEMPOTENCY: 'strict' });
      for (const [n, params] of sent.entries())
        expect(await wire('v1').result('SendMessage', params)).to.deep.equal(first[n]);
    });

    for (const [how, env, headers] of [
      ['strict', { A2A_IDEMPOTENCY: 'strict' }, {}],
      ['asked for by Idempotency-Key', { A2A_IDEMPOTENCY: 'off' }, { 'Idempotency-Key': 'k' }],
    ] as const) {
      it(`are the same after a restart where they were answered and idempotency is ${how}`, async () => {
        const before = await start(env);
        const sent = DIALECTS.flatMap((dialect) =>
          [`here ${dialect}`, undefined].map((context, n) => ({ dialect, context, id: `${dialect} ${n}` })),
        );
        const params = ({ dialect, context, id }: (typeof sent)[number], text: string): JsonObject =>
          PARAMS[dialect](id, text, context);
        const first: Shown[] = [];
        for (const each of sent) first.push(await send(each.dialect, params(each, 'hello'), headers));
        await restart(before, env);
        for (const [n, each] of sent.entries()) {
          const { dialect } = each;
          expect(await send(dialect, params(each, 'hello'), headers)).to.deep.equal(first[n]);
          const stream = await wire(dialect).stream(STREAM[dialect], params(each, 'hello'), headers);
          expect(JSON.stringify(await stream.rest())).to.match(/completed/i);
          expect(textOf(await send(dialect, params(each, 'other'), headers))).to.equal('echo: other');
        }
        expect(await stored()).to.have.length(12);
      });
    }

    it('are new ones each time they were answered, a hundred times, restarted in between', async () => {
      const stops = [await start()];
      const ids = new Set<string>();
      for (let n = 0; n < 100; n += 1) {
        const context = n % 2 === 0 ? 'here' : undefined;
        const task = await send('v1', sendV1('constant', 'hello', context));
        expect(textOf(task)).to.equal('echo: hello');
        ids.add(task.id);
        if (n % 50 === 24) {
          expect(await stops[0]?.stop()).to.equal(0);
          if (n < 50) stops[0] = await start();
          else await startAgain();
        }
      }
      expect(ids.size).to.equal(100);
      expect(await stored()).to.have.length(100);
    });
  });
}
