/** A2A 1.0: messages and tasks over the wire. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { post } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';
import { historyOf, newId, say, type ShownTask, taskIn, textsOf } from './said.ts';
import { Gate, ScriptedAgent } from '../integration/operations/scripted-agent.ts';
import { Wire } from './wire.ts';

describe('messages of 1.0', () => {
  const server = useServer();
  const client = new Wire(() => server.url, 'v1');
  const send = async (...said: Parameters<typeof say>) =>
    taskIn(await client.result('SendMessage', say(...said)));

  it('are answered with a task of the official shape, all required members in it [V1-4, V1-7, V1-8, V1-14]', async () => {
    const { id, contextId, status, artifacts, history } = await send('hello');
    expect([id === '', contextId === '', status.state]).to.deep.equal([false, false, 'TASK_STATE_COMPLETED']);
    expect(artifacts?.[0]?.artifactId).to.be.a('string').and.to.have.length.above(0);
    expect(history?.[0]).to.deep.include({ contextId, taskId: id });
  });

  it('are answered with a bare message when the agent says no more [V1-14]', async () => {
    const { message } = await client.result('SendMessage', say('msg hi'));
    expect(message).to.deep.include({ role: 'ROLE_AGENT', parts: [{ text: 'echo: hi' }] });
    expect(message).to.not.have.any.keys('taskId');
  });

  it('show enumerations by name and times in UTC with milliseconds [V1-5, V1-6, V1-72]', async () => {
    const { status } = await send('hello');
    expect(status.state).to.match(/^TASK_STATE_[A-Z_]+$/);
    expect(status.timestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('wait by default for the end, and bring every artifact [V1-15, V1-79]', async () => {
    const task = await send('slow 3 5');
    expect(task.status.state).to.equal('TASK_STATE_COMPLETED');
    expect(textsOf(task)).to.deep.equal(['chunk 0|chunk 1|chunk 2']);
  });

  it('wait by default no longer than until the task is interrupted [V1-15]', async () => {
    const asked = await send('input');
    expect(asked.status.state).to.equal('TASK_STATE_INPUT_REQUIRED');
    const done = await send('blue', { taskId: asked.id });
    expect([done.status.state, ...textsOf(done)]).to.deep.equal([
      'TASK_STATE_COMPLETED',
      'echo: input\nblue',
    ]);
  });

  it('are answered at once when asked to [V1-16]', async () => {
    const task = await send('slow 2 60000', {}, { returnImmediately: true });
    expect(task.status.state).to.match(/SUBMITTED|WORKING/);
    await client.result('CancelTask', { id: task.id });
  });

  it('are refused by a task that has ended, by every way of sending [V1-17]', async () => {
    const { id } = await send('hello');
    for (const method of ['SendMessage', 'SendStreamingMessage'])
      expect(await client.code(method, say('more', { taskId: id })), method).to.equal(-32004);
  });

  it('find no task under an unknown id [V1-19]', async () => {
    for (const method of ['SendMessage', 'SendStreamingMessage'])
      expect(await client.code(method, say('hi', { taskId: 'no.thing' })), method).to.equal(-32001);
  });

  it('begin tasks whose ids nobody else has [V1-20]', async () => {
    const tasks = await Promise.all(Array.from({ length: 20 }, () => send('hello')));
    expect(new Set(tasks.map(({ id }) => id)).size).to.equal(20);
  });

  it('are told the context that was made for them, and keep the one they bring [V1-21, V1-22]', async () => {
    const made = await send('hello');
    expect(made.contextId).to.not.equal('');
    const contextId = newId();
    expect((await send('hello', { contextId })).contextId).to.equal(contextId);
  });

  it('take the context from their task, and no other [V1-23, V1-24]', async () => {
    const { id, contextId } = await send('input');
    const reply = await client.call('SendMessage', say('blue', { taskId: id, contextId: newId() }));
    expect(reply.json.error?.code).to.equal(-32602);
    expect(reply.text).to.include('contextId');
    expect((await send('blue', { taskId: id })).contextId).to.equal(contextId);
  });

  it('of one context are one conversation [V1-80]', async () => {
    const contextId = newId();
    await send('one', { contextId });
    await send('two', { contextId });
    expect(textsOf(await send('recall', { contextId }))).to.deep.equal(['one\ntwo']);
  });

  it('bring no more history than was asked for, and none for 0 [V1-33, V1-73]', async () => {
    const { id } = await send('input');
    await send('blue', { taskId: id });
    for (const historyLength of [0, 1, 2]) {
      const task = taskIn(await client.result('GetTask', { id, historyLength }));
      expect(historyOf(task).length, String(historyLength)).to.be.at.most(historyLength);
      expect('history' in task).to.equal(historyLength > 0);
    }
    expect(historyOf(await send('hello', {}, { historyLength: 0 }))).to.deep.equal([]);
    expect(historyOf(taskIn(await client.result('GetTask', { id })))).to.deep.equal(['input', 'blue']);
    expect(historyOf(taskIn(await client.result('GetTask', { id, historyLength: 1 })))).to.deep.equal([
      'blue',
    ]);
    const asked = await send('input');
    const last = await send('red', { taskId: asked.id }, { historyLength: 1 });
    expect(historyOf(last)).to.deep.equal(['red']);
    const { tasks } = await client.result('ListTasks', { contextId: asked.contextId, historyLength: 1 });
    expect((tasks as unknown as ShownTask[]).map(historyOf)).to.deep.equal([['red']]);
  });

  it('may have members that nobody knows, which are ignored [V1-71]', async () => {
    const reply = await client.call('SendMessage', {
      ...say('hello', { inventedMember: 1 }, { madeUpSetting: true }),
      unheardOf: { a: 1 },
    });
    expect(textsOf(taskIn(reply.json.result ?? null))).to.deep.equal(['echo: hello']);
    expect(reply.text).to.not.match(/inventedMember|madeUpSetting|unheardOf/);
  });

  it('keep what they refer to, known or not', async () => {
    const { history } = await send('hello', { referenceTaskIds: ['no.thing'] });
    expect(history?.[0]).to.deep.include({ referenceTaskIds: ['no.thing'] });
  });

  it('that ask for credentials in the middle leave the task waiting with a reason [V1-62]', async () => {
    const task = await send('auth');
    expect(task.status.state).to.equal('TASK_STATE_AUTH_REQUIRED');
    expect(task.status.message?.parts.length).to.be.above(0);
    const done = await send('here', { taskId: task.id });
    expect(done.status.state).to.equal('TASK_STATE_COMPLETED');
  });

  it('are checked as a whole before anything is done, each bad field named [V1-54, V1-70, V1-75]', async () => {
    const contextId = newId();
    const bad = {
      message: { role: 'ROLE_OTHER', parts: [], contextId },
      configuration: { historyLength: -1 },
    };
    const { json, text } = await client.call('SendMessage', bad);
    expect(json.error?.code).to.equal(-32602);
    for (const field of ['message.messageId', 'message.role', 'message.parts', 'configuration.historyLength'])
      expect(text).to.include(field);
    expect(textsOf(await send('count', { contextId }))).to.deep.equal(['1']);
  });

  it('are bounded in size [V1-90]', async () => {
    const { json } = await client.call('SendMessage', say('x', { messageId: 'm'.repeat(300) }));
    expect(json.error?.code).to.equal(-32602);
    const huge = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'SendMessage',
      params: say('x'.repeat(5e6)),
    });
    expect((await post(server.url, huge, { 'A2A-Version': '1.0' })).status).to.equal(413);
  });

  it('may be written in the names and numbers of the proto file [V1-4]', async () => {
    const { task } = await client.result('SendMessage', {
      message: { message_id: newId(), role: 1, parts: [{ text: 'hello' }] },
      configuration: { history_length: '1' },
    });
    expect(textsOf(taskIn(task ?? null))).to.deep.equal(['echo: hello']);
  });
});

describe('tasks of 1.0', () => {
  const server = useServer();
  const client = new Wire(() => server.url, 'v1');
  const send = async (...said: Parameters<typeof say>) =>
    taskIn(await client.result('SendMessage', say(...said)));

  it('are canceled, and once more with the same answer [V1-39]', async () => {
    const { id } = await send('slow 2 60000', {}, { returnImmediately: true });
    for (const time of ['first', 'again']) {
      const { status } = taskIn(await client.result('CancelTask', { id }));
      expect(status.state, time).to.equal('TASK_STATE_CANCELED');
    }
  });

  it('that have ended, and those that are not there, are two different refusals of a cancel [V1-39]', async () => {
    const { id } = await send('hello');
    expect(await client.code('CancelTask', { id })).to.equal(-32002);
    expect(await client.code('CancelTask', { id: 'no.thing' })).to.equal(-32001);
  });

  it('are listed newest status first, page by page, to the last [V1-35, V1-36, V1-37, V1-38]', async () => {
    const contextId = newId();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await send(`n ${n}`, { contextId })).id);
    const listed: string[] = [];
    let pageToken = '';
    do {
      const page = (await client.result('ListTasks', { contextId, pageSize: 2, pageToken })) as unknown as {
        tasks: { id: string }[];
        nextPageToken: string;
        pageSize: number;
        totalSize: number;
      };
      expect([page.pageSize, page.totalSize]).to.deep.equal([2, 5]);
      for (const task of page.tasks) expect(task).to.not.have.any.keys('artifacts');
      listed.push(...page.tasks.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(listed).to.deep.equal(ids);
  });

  it('are listed with every member of the answer also when there are none [V1-37]', async () => {
    const answer = await client.result('ListTasks', { contextId: newId() });
    expect(answer).to.deep.equal({ tasks: [], nextPageToken: '', pageSize: 50, totalSize: 0 });
  });

  it('are listed with their artifacts when asked for, also where there are none [V1-38]', async () => {
    const contextId = newId();
    await send('reject', { contextId });
    await send('hello', { contextId });
    const { tasks } = await client.result('ListTasks', { contextId, includeArtifacts: true });
    expect((tasks as { artifacts: unknown[] }[]).map(({ artifacts }) => artifacts.length)).to.deep.equal([
      1, 0,
    ]);
  });

  it('are found by state and by time, the moment itself included [V1-36]', async () => {
    const contextId = newId();
    const asked = await send('input', { contextId });
    const done = await send('hello', { contextId });
    const idsOf = async (filter: object): Promise<string[]> => {
      const { tasks } = await client.result('ListTasks', { contextId, ...filter });
      return (tasks as { id: string }[]).map(({ id }) => id);
    };
    expect(await idsOf({ status: 'TASK_STATE_INPUT_REQUIRED' })).to.deep.equal([asked.id]);
    expect(await idsOf({ statusTimestampAfter: done.status.timestamp })).to.include(done.id);
    expect(await idsOf({ statusTimestampAfter: '2100-01-01T00:00:00Z' })).to.deep.equal([]);
  });

  it('are listed in pages of 1 to 100, with tokens of their own list only [V1-35]', async () => {
    for (const pageSize of [0, -1, 101]) {
      const { json, text } = await client.call('ListTasks', { pageSize });
      expect(json.error?.code, String(pageSize)).to.equal(-32602);
      expect(text).to.include('pageSize');
    }
    for (let n = 0; n < 2; n += 1) await send('hello');
    const { nextPageToken = '' } = await client.result('ListTasks', { pageSize: 1 });
    expect(nextPageToken).to.not.equal('');
    const other = { pageSize: 1, pageToken: nextPageToken, status: 'TASK_STATE_FAILED' };
    expect(await client.code('ListTasks', other)).to.equal(-32602);
    expect(await client.code('ListTasks', { pageToken: 'junk' })).to.equal(-32602);
  });
});

describe('a task of 1.0 whose agent goes on after its end', () => {
  const agent = new ScriptedAgent();
  const server = useServer(() => ({ agent }), { A2A_CANCEL_GRACE_SECONDS: '1' });
  const client = new Wire(() => server.url, 'v1');

  it('stays as it ended, whatever is still said of it', async () => {
    const gate = new Gate();
    agent.script = async (act) => {
      act.status('TASK_STATE_WORKING');
      await gate.passed;
      act.artifact('too late').done();
    };
    const begun = await client.result('SendMessage', say('go', {}, { returnImmediately: true }));
    const { id } = taskIn(begun);
    const canceled = taskIn(await client.result('CancelTask', { id }));
    expect(canceled.status.state).to.equal('TASK_STATE_CANCELED');
    gate.open();
    await eventually(() => server.logs.of('agent_event_ignored').length === 2);
    expect(taskIn(await client.result('GetTask', { id }))).to.deep.equal(canceled);
  });
});
