import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { call, type RpcReply, sendV01, sendV1, V1 } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';

const OURS = withKey('ours-1');
const THEIRS = withKey('theirs-1');
const HOOK = 'https://hook.example/';

/** What can be done to a task that somebody knows the id of. */
const OPERATIONS: [name: string, method: string, params: (id: string, contextId: string) => JsonObject][] = [
  ['reading it', 'GetTask', (id) => ({ id })],
  ['cancelling it', 'CancelTask', (id) => ({ id })],
  ['following it', 'SubscribeToTask', (id) => ({ id })],
  ['a message to it', 'SendMessage', (id) => withTask(id)],
  ['a message to it, naming its context', 'SendMessage', (id, contextId) => withTask(id, contextId)],
  ['a stream from it', 'SendStreamingMessage', (id) => withTask(id)],
  ['a webhook on it', 'CreateTaskPushNotificationConfig', (taskId) => ({ taskId, url: HOOK })],
  ['reading its webhook', 'GetTaskPushNotificationConfig', (taskId) => ({ taskId, id: 'hook' })],
  ['listing its webhooks', 'ListTaskPushNotificationConfigs', (taskId) => ({ taskId })],
  ['deleting its webhook', 'DeleteTaskPushNotificationConfig', (taskId) => ({ taskId, id: 'hook' })],
];

function withTask(taskId: string, contextId?: string): JsonObject {
  const { message } = sendV1('m9', 'hello', contextId) as { message: JsonObject };
  return { message: { ...message, taskId } };
}

interface Seen {
  readonly id: string;
  readonly contextId: string;
}

describe('two tenants on one server', () => {
  const files = useFiles();
  const keys = keysFile(
    { key: 'ours-1', tenant: 'ours', subject: 'ada' },
    // The same subject: what tells them apart is the tenant.
    { key: 'theirs-1', tenant: 'theirs', subject: 'ada' },
  );
  const server = useServer(() => ({}), { A2A_API_KEYS_FILE: files.write('keys.json', keys) });

  const ask = (who: Record<string, string>, method: string, params: JsonObject): Promise<RpcReply> =>
    call(server.url, method, params, { ...V1, ...who });

  /** A task of ours that waits for more. */
  async function waitingTask(contextId?: string): Promise<Seen> {
    const { json } = await ask(OURS, 'SendMessage', sendV1('m1', 'input', contextId));
    const { task } = json.result as unknown as { task: Seen };
    return task;
  }

  /** What an answer says, but for the ids of this request. */
  function gist({ status, text, headers }: RpcReply, ...ids: string[]): string {
    const plain = ids.reduce((left, id) => left.replaceAll(id, '*'), text).replace(/"id":\d+/, '"id":0');
    const names = [...headers.keys()].filter((name) => name !== 'content-length' && name !== 'date');
    return JSON.stringify([status, plain, names.sort()]);
  }

  for (const [name, method, params] of OPERATIONS) {
    it(`cannot reach each other's task by ${name}: the answer is that for a task that never was`, async () => {
      const { id, contextId } = await waitingTask();
      await ask(OURS, 'CreateTaskPushNotificationConfig', { taskId: id, url: HOOK, id: 'hook' });
      const unknown = `${id.slice(0, -4)}AAAA`;
      const never = await ask(THEIRS, method, params(unknown, contextId));
      const foreign = await ask(THEIRS, method, params(id, contextId));
      expect(foreign.json.error?.code).to.equal(-32001);
      expect(gist(foreign, id)).to.equal(gist(never, unknown));
      // Nothing happened to it, and its owner reaches it.
      const { json } = await ask(OURS, 'GetTask', { id });
      expect(json).to.have.nested.property('result.status.state', 'TASK_STATE_INPUT_REQUIRED');
      expect(json).to.have.nested.property('result.history').with.length(1);
      if (!method.startsWith('Subscribe') && !method.includes('Streaming')) {
        expect((await ask(OURS, method, params(id, contextId))).json.error).to.equal(undefined);
      }
    });
  }

  it('have the same context id each for themselves', async () => {
    await ask(OURS, 'SendMessage', sendV1('m1', 'our secret', 'shared'));
    const theirs = await ask(THEIRS, 'SendMessage', sendV1('m2', 'recall', 'shared'));
    expect(theirs.text).to.contain('"contextId":"shared"').and.not.contain('our secret');
    const ours = await ask(OURS, 'SendMessage', sendV1('m3', 'recall', 'shared'));
    expect(ours.text).to.contain('our secret');
  });

  it('have the same message, and the same 0.1 task id, each for themselves', async () => {
    const ours = await ask(OURS, 'SendMessage', sendV1('m1', 'hi'));
    const theirs = await ask(THEIRS, 'SendMessage', sendV1('m1', 'hi'));
    expect(theirs.json.result).to.not.deep.equal(ours.json.result);
    await call(server.url, 'tasks/send', sendV01('t1', 'our secret', 's1'), OURS);
    const get = await call(server.url, 'tasks/get', { id: 't1' }, THEIRS);
    expect(get.json.error?.code).to.equal(-32001);
    const own = await call(server.url, 'tasks/send', sendV01('t1', 'recall', 's1'), THEIRS);
    expect(own.text).to.contain('"id":"t1"').and.not.contain('our secret');
  });

  it('list their own tasks only', async () => {
    const { id } = await waitingTask('listed');
    const own = await ask(OURS, 'ListTasks', {});
    expect((own.json.result as unknown as { tasks: Seen[] }).tasks.map((task) => task.id)).to.deep.equal([
      id,
    ]);
    for (const params of [{}, { contextId: 'listed' }, { status: 'TASK_STATE_INPUT_REQUIRED' }]) {
      const { json } = await ask(THEIRS, 'ListTasks', params);
      expect(json.result, JSON.stringify(params)).to.deep.include({
        tasks: [],
        totalSize: 0,
        nextPageToken: '',
      });
    }
  });

  it('cannot go on with a page of the other', async () => {
    await waitingTask();
    await waitingTask('second');
    const { json } = await ask(OURS, 'ListTasks', { pageSize: 1 });
    const { nextPageToken: pageToken } = json.result as unknown as { nextPageToken: string };
    expect(pageToken).to.not.equal('');
    const theirs = await ask(THEIRS, 'ListTasks', { pageSize: 1, pageToken });
    expect(theirs.json.error?.code).to.equal(-32602);
    expect(theirs.json.error?.message).to.contain('pageToken');
  });

  it('get nothing of a task that they refer to without it being theirs', async () => {
    const { id } = await waitingTask();
    const { message } = sendV1('m2', 'recall') as { message: JsonObject };
    const { status, text } = await ask(THEIRS, 'SendMessage', {
      message: { ...message, referenceTaskIds: [id] },
    });
    const unknown = { message: { ...message, referenceTaskIds: ['s.t'] } };
    expect(status).to.equal((await ask(THEIRS, 'SendMessage', unknown)).status);
    expect(text).to.not.contain('input');
  });
});
