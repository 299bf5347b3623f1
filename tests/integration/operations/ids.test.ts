import { expect } from 'chai';
import { call, V1 } from '../../helpers/rpc.ts';
import { useServer } from '../../helpers/server.ts';
import {
  becomes,
  cancel,
  DIALECTS,
  get,
  newId,
  see,
  send,
  sendParams,
  sendRaw,
  V03,
} from './conversation.ts';

describe('a session in any mix of dialects', () => {
  const used = useServer();

  it('has one history, and each answers in its own dialect', async () => {
    const session = newId('s');
    for (const [i, dialect] of (['v01', 'v1', 'v03', 'v03', 'v01', 'v1'] as const).entries()) {
      const seen = await send(used.url, dialect, `text ${i}`, { session });
      expect(seen).to.include({ session, state: 'completed' });
    }
    for (const dialect of DIALECTS) {
      const texts = await send(used.url, dialect, 'recall', { session });
      expect(texts.artifacts[0]?.split('\n').slice(0, 6)).to.deep.equal(
        [0, 1, 2, 3, 4, 5].map((i) => `text ${i}`),
      );
    }
    expect((await send(used.url, 'v01', 'count', { session })).artifacts).to.deep.equal(['10']);
  });

  it('shows a task in the dialect that made it, where the name of the method leaves it open', async () => {
    const v01 = await send(used.url, 'v01', 'hi', { task: 'mine' });
    const shown = await call(used.url, 'tasks/get', { id: 'mine' });
    expect(shown.json.result).to.include({ id: 'mine', sessionId: v01.session });
    expect(shown.json.result).to.not.have.any.keys('kind', 'contextId', 'history');
    expect(shown.json.result).to.have.nested.property('artifacts[0].parts[0].type', 'text');
    for (const dialect of ['v1', 'v03'] as const) {
      const { id, session } = await send(used.url, dialect, 'hi');
      const other = await call(used.url, 'tasks/get', { id });
      expect(other.json.result).to.include({ kind: 'task', id, contextId: session });
      expect(other.json.result).to.have.nested.property('history[0].kind', 'message');
    }
  });

  it('shows every task in 0.3 to who says so, and in 1.0 likewise', async () => {
    await send(used.url, 'v01', 'hi', { task: 'mine2', session: 'mix' });
    const v03 = await call(used.url, 'tasks/get', { id: 'mine2' }, V03);
    expect(v03.json.result).to.include({ kind: 'task', id: 'mine2', contextId: 'mix' });
    const own = await send(used.url, 'v03', 'hi', { session: 'mix' });
    const v1 = await call(used.url, 'GetTask', { id: own.id }, V1);
    expect(v1.json.result).to.have.nested.property('status.state', 'TASK_STATE_COMPLETED');
    expect(v1.json.result).to.not.have.property('kind');
  });

  it('cancels a task in the dialect that made it, where the name of the method leaves it open', async () => {
    await send(used.url, 'v01', 'input', { task: 'asks', session: 'c1' });
    const v01 = await call(used.url, 'tasks/cancel', { id: 'asks' });
    expect(v01.json.result).to.include({ id: 'asks', sessionId: 'c1' }).and.not.have.property('kind');
    await send(used.url, 'v01', 'input', { task: 'asks2', session: 'c1' });
    const forced = await call(used.url, 'tasks/cancel', { id: 'asks2' }, V03);
    expect(forced.json.result).to.include({ kind: 'task', id: 'asks2', contextId: 'c1' });
    const other = await send(used.url, 'v1', 'input', { session: 'c1' });
    const v03 = await call(used.url, 'tasks/cancel', { id: other.id });
    expect(v03.json.result).to.include({ kind: 'task', id: other.id });
  });

  it('goes on with a task of one dialect in another', async () => {
    const asked = await send(used.url, 'v03', 'input');
    const said = await send(used.url, 'v1', 'blue', { task: asked.id });
    expect(said).to.include({ id: asked.id, session: asked.session, state: 'completed' });
    expect(said.artifacts).to.deep.equal(['echo: input\nblue']);
    await send(used.url, 'v01', 'input', { task: 'mine3' });
    const v03 = await send(used.url, 'v03', 'green', { task: 'mine3' });
    expect(v03).to.include({ id: 'mine3', state: 'completed' });
  });
});

describe('taskId and contextId', () => {
  const used = useServer();

  for (const dialect of ['v1', 'v03'] as const) {
    it(`belong together in ${dialect}: the task says its session, and another one is refused`, async () => {
      const asked = await send(used.url, dialect, 'input', { session: newId('s') });
      const wrong = await send(used.url, dialect, 'x', { task: asked.id, session: newId('s') });
      expect(wrong.code).to.equal(-32602);
      expect(JSON.stringify(wrong.reply.json.error?.data)).to.contain('message.contextId');
      expect((await get(used.url, dialect, asked.id)).history).to.have.length(1);
      const right = await send(used.url, dialect, 'y', { task: asked.id });
      expect(right).to.include({ session: asked.session, state: 'completed' });
    });

    it(`are looked up in ${dialect}: an unknown task is not found, an unknown session begins`, async () => {
      for (const task of ['nothing', 'no.thing', `${newId('s')}.abc`]) {
        expect((await send(used.url, dialect, 'x', { task })).code).to.equal(-32001);
        expect((await send(used.url, dialect, 'x', { task, session: 'any' })).code).to.equal(-32001);
      }
      expect((await send(used.url, dialect, 'count', { session: 'brand new' })).artifacts).to.deep.equal([
        '1',
      ]);
      await send(used.url, dialect, 'x', { session: 'a.b.c' });
      const seen = await send(used.url, dialect, 'x', { session: 'a.b.c' });
      expect(seen.id).to.match(/^a\.b\.c\.[^.]+$/);
      expect(await get(used.url, dialect, seen.id)).to.include({ id: seen.id, session: 'a.b.c' });
    });

    it(`of an ended task take no more messages in ${dialect}`, async () => {
      for (const verb of ['hi', 'reject', 'boom']) {
        const ended = await send(used.url, dialect, verb);
        expect((await send(used.url, dialect, 'more', { task: ended.id })).code).to.equal(-32004);
        expect((await get(used.url, dialect, ended.id)).history).to.have.length(1);
      }
    });
  }

  it('of a bare message name no task', async () => {
    const session = newId('s');
    await send(used.url, 'v1', 'msg hi', { session });
    const { reply } = await send(used.url, 'v1', 'msg hi', { session });
    expect(reply.json.result).to.have.nested.property('message.contextId', session);
    expect(reply.json.result).to.not.have.nested.property('message.taskId');
  });
});

describe('a client’s own task id in 0.1', () => {
  const used = useServer();

  it('goes on with the task, with and without its session, and refuses another session', async () => {
    const asked = await send(used.url, 'v01', 'input', { task: 't1', session: 's1' });
    expect(asked).to.include({ id: 't1', session: 's1', state: 'input-required' });
    const wrong = await send(used.url, 'v01', 'x', { task: 't1', session: 's2' });
    expect(wrong.code).to.equal(-32602);
    expect(JSON.stringify(wrong.reply.json.error)).to.contain('sessionId');
    const said = await send(used.url, 'v01', 'blue', { task: 't1' });
    expect(said).to.include({ id: 't1', session: 's1', state: 'completed' });
    expect(said.artifacts).to.deep.equal(['echo: input\nblue']);
    expect((await send(used.url, 'v01', 'count', { session: 's2' })).artifacts).to.deep.equal(['1']);
  });

  it('has a session of its own when none is named', async () => {
    const one = await send(used.url, 'v01', 'hi', { task: 'a' });
    const two = await send(used.url, 'v01', 'hi', { task: 'b' });
    expect(one.session).to.not.equal(two.session);
    expect((await send(used.url, 'v01', 'count', { task: 'a' })).artifacts).to.deep.equal(['2']);
    expect((await send(used.url, 'v01', 'count', { session: one.session })).artifacts).to.deep.equal(['3']);
  });

  it('moves on to a new task in the same session when the one it named has ended', async () => {
    const first = await send(used.url, 'v01', 'one', { task: 't9', session: 's9' });
    const second = await send(used.url, 'v01', 'two', { task: 't9', historyLength: 9 });
    expect(second).to.include({ id: 't9', session: 's9', state: 'completed' });
    expect(second.artifacts).to.deep.equal(['echo: two']);
    expect(second.history).to.deep.equal(['user: two']);
    expect(first.artifacts).to.deep.equal(['echo: one']);
    expect((await get(used.url, 'v01', 't9')).artifacts).to.deep.equal(['echo: two']);
    expect((await send(used.url, 'v01', 'recall', { task: 't9' })).artifacts).to.deep.equal(['one\ntwo']);
  });

  it('may look like an id that locates itself, and harms nobody whose id it looks like', async () => {
    const own = await send(used.url, 'v1', 'input', { session: 'home' });
    const other = await send(used.url, 'v01', 'hi', { task: own.id });
    expect(other).to.include({ id: own.id, state: 'completed' });
    expect(other.session).to.not.equal('home');
    expect(await get(used.url, 'v1', own.id)).to.include({ session: 'home', state: 'input-required' });
    expect((await send(used.url, 'v1', 'blue', { task: own.id })).state).to.equal('completed');
    for (const task of ['a.b', '.', 'x.', '.x', 'ü:*{}', 'a'.repeat(256)]) {
      expect(await send(used.url, 'v01', 'hi', { task })).to.include({ id: task, state: 'completed' });
      expect(await get(used.url, 'v01', task)).to.include({ id: task, state: 'completed' });
    }
  });

  it('is known to 0.3 and not to 1.0, whose clients never choose ids', async () => {
    await send(used.url, 'v01', 'hi', { task: 'mine.x' });
    expect((await get(used.url, 'v03', 'mine.x')).id).to.equal('mine.x');
    expect((await get(used.url, 'v1', 'mine.x')).code).to.equal(-32001);
    expect((await cancel(used.url, 'v1', 'mine.x')).code).to.equal(-32001);
  });
});

describe('historyLength', () => {
  const used = useServer();

  for (const dialect of DIALECTS) {
    it(`cuts to the newest messages in ${dialect}; absent means ${dialect === 'v01' ? 'none' : 'all'}`, async () => {
      const task = newId('t');
      const { id } = await send(used.url, dialect, 'input', dialect === 'v01' ? { task } : {});
      const params = sendParams(dialect, 'blue', { task: id, messageId: newId('m') });
      const all = ['user: input', 'user: blue'];
      const seen = await sendRaw(used.url, dialect, params);
      expect(seen.history).to.deep.equal(dialect === 'v01' ? [] : all);
      for (const [historyLength, shown] of [
        [0, []],
        [1, ['user: blue']],
        [2, all],
        [99, all],
        [2_147_483_647, all],
      ] as const) {
        const got = await get(used.url, dialect, id, { historyLength });
        expect(got.history, String(historyLength)).to.deep.equal(shown);
        if (historyLength === 0) expect(got.reply.text).to.not.contain('history');
      }
      expect((await get(used.url, dialect, id)).history).to.deep.equal(dialect === 'v01' ? [] : all);
      expect((await get(used.url, dialect, id, { historyLength: -1 })).code).to.equal(-32602);
    });
  }

  for (const dialect of DIALECTS) {
    it(`cuts the answer to a send in ${dialect} in the same way, and may not be negative`, async () => {
      const task = newId('t');
      const own = dialect === 'v01' ? { task } : {};
      const { id } = await send(used.url, dialect, 'input', own);
      for (const [historyLength, shown] of [
        [1, ['user: blue']],
        [0, []],
      ] as const) {
        const { id: other } = await send(
          used.url,
          dialect,
          'input',
          dialect === 'v01' ? { task: newId('t') } : {},
        );
        const seen = await send(used.url, dialect, 'blue', { task: other, historyLength });
        expect([seen.state, seen.history]).to.deep.equal(['completed', shown]);
      }
      const refused = await send(used.url, dialect, 'blue', { task: id, historyLength: -1 });
      expect(refused.code).to.equal(-32602);
      expect(refused.reply.text).to.contain('historyLength');
      expect((await get(used.url, dialect, id)).state).to.equal('input-required');
    });
  }

  it('counts in the answer to a send', async () => {
    const { id } = await send(used.url, 'v1', 'input');
    expect((await send(used.url, 'v1', 'a', { task: id, historyLength: 1 })).history).to.deep.equal([
      'user: a',
    ]);
    const more = await send(used.url, 'v03', 'a', { historyLength: 0 });
    expect(more.history).to.deep.equal([]);
    expect(see(more.reply).id).to.equal(more.id);
    await becomes(used.url, 'v03', more.id, 'completed');
  });
});
