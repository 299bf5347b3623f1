/** A2A 0.1, the protocol of `tasks/send`, over plain HTTP: every operation it has. */
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { planted } from '../helpers/overheard.ts';
import { useServer } from '../helpers/server.ts';
import { useReceiver } from './receiver.ts';
import { historyOf, newId, say01, taskIn, textsOf } from './said.ts';
import { type Frame, Wire } from './wire.ts';

const statesIn = (frames: readonly Frame[]): string[] =>
  frames.flatMap(({ result }) => ('status' in result ? [taskIn(result).status.state] : []));
const isChunk = (result: JsonObject): boolean => 'artifact' in result;
const artifactIn = ({ result }: Frame) =>
  result['artifact'] as unknown as {
    index: number;
    append: boolean;
    lastChunk: boolean;
    parts: { text: string }[];
  };

describe('A2A 0.1', () => {
  const env: Record<string, string> = {};
  const receiver = useReceiver(env);
  const server = useServer(undefined, env);
  const client = new Wire(() => server.url, 'v01');
  const send = async (...said: Parameters<typeof say01>) =>
    taskIn(await client.result('tasks/send', say01(...said)));

  it('calls a task as its client does, in every answer and event [V01-110]', async () => {
    const id = newId();
    expect((await send(id, 'input')).id).to.equal(id);
    expect(taskIn(await client.result('tasks/get', { id })).id).to.equal(id);
    const frames = await (await client.stream('tasks/sendSubscribe', say01(id, 'blue'))).rest();
    expect(frames.map(({ result }) => result['id'])).to.deep.equal(frames.map(() => id));
    const other = newId();
    const opened = await client.stream('tasks/sendSubscribe', say01(other, 'slow 2 60000'));
    await opened.next();
    expect(taskIn(await client.result('tasks/cancel', { id: other })).id).to.equal(other);
    await opened.rest();
  });

  it('answers a send with a task, also where the agent has only a message [V01-111]', async () => {
    const task = await send(newId(), 'msg hi');
    expect(task.status.state).to.equal('completed');
    expect(task.status.message?.parts[0]?.text).to.equal('echo: hi');
  });

  it('streams status and artifacts and nothing else [V01-111, V01-112]', async () => {
    const frames = await (await client.stream('tasks/sendSubscribe', say01(newId(), 'slow 3 5'))).rest();
    expect(statesIn(frames)).to.deep.equal(['submitted', 'working', 'completed']);
    const artifacts = frames.filter(({ result }) => isChunk(result)).map(artifactIn);
    expect(artifacts.map(({ index, parts }) => [index, parts[0]?.text])).to.deep.equal([
      [0, 'chunk 0'],
      [0, 'chunk 1'],
      [0, 'chunk 2'],
    ]);
    expect(artifacts.map(({ append }) => append)).to.deep.equal([false, true, true]);
    expect(artifacts.at(-1)?.lastChunk).to.equal(true);
    const ends = frames.filter(({ result }) => 'status' in result).map(({ result }) => result['final']);
    expect(ends).to.deep.equal([false, false, true]);
  });

  it('says final where input is wanted, credentials included [V01-112, V01-115]', async () => {
    for (const text of ['input', 'auth']) {
      const frames = await (await client.stream('tasks/sendSubscribe', say01(newId(), text))).rest();
      expect(statesIn(frames).at(-1), text).to.equal('input-required');
      expect(frames.at(-1)?.result['final'], text).to.equal(true);
    }
  });

  it('goes on with a known id, and begins anew in the same session with one that has ended', async () => {
    const id = newId();
    await send(id, 'input');
    expect(textsOf(await send(id, 'blue'))).to.deep.equal(['echo: input\nblue']);
    expect(textsOf(await send(id, 'recall'))).to.deep.equal(['input\nblue']);
  });

  it('shows the last messages when asked, and none when not [V01-114]', async () => {
    const id = newId();
    await send(id, 'input');
    await send(id, 'blue');
    expect(historyOf(taskIn(await client.result('tasks/get', { id })))).to.deep.equal([]);
    const { history } = taskIn(await client.result('tasks/get', { id, historyLength: 1 }));
    expect(history?.map(({ parts }) => parts[0]?.text)).to.deep.equal(['blue']);
  });

  it('gets, cancels and subscribes only what is there', async () => {
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/resubscribe'])
      expect(await client.code(method, { id: newId() }), method).to.equal(-32001);
    const id = newId();
    await send(id, 'hello');
    expect(await client.code('tasks/cancel', { id })).to.equal(-32002);
    expect(await client.code('tasks/resubscribe', { id })).to.equal(-32004);
  });

  it('resumes a stream where it was left', async () => {
    const id = newId();
    const sent = await client.stream('tasks/sendSubscribe', say01(id, 'slow 5 30'));
    const begun = await sent.until(isChunk);
    sent.leave();
    const resumed = await client.stream(
      'tasks/resubscribe',
      { id },
      { 'Last-Event-ID': begun.at(-1)?.id ?? '' },
    );
    const all = [...begun, ...(await resumed.rest())];
    expect(
      all.filter(({ result }) => isChunk(result)).map((frame) => artifactIn(frame).parts[0]?.text),
    ).to.deep.equal(['chunk 0', 'chunk 1', 'chunk 2', 'chunk 3', 'chunk 4']);
    expect(all.at(-1)?.result['final']).to.equal(true);
  });

  it('subscribes without a cursor to what there is so far, and what comes', async () => {
    const id = newId();
    const sent = await client.stream('tasks/sendSubscribe', say01(id, 'slow 5 40'));
    await sent.until(isChunk);
    const frames = await (await client.stream('tasks/resubscribe', { id })).rest();
    const texts = frames
      .filter(({ result }) => isChunk(result))
      .flatMap((frame) => artifactIn(frame).parts.map(({ text }) => text));
    expect(texts).to.deep.equal(['chunk 0', 'chunk 1', 'chunk 2', 'chunk 3', 'chunk 4']);
    expect(statesIn(frames).at(-1)).to.equal('completed');
    await sent.rest();
  });

  it('keeps one webhook for a task, https only, called as it was registered [V01-113]', async () => {
    const id = newId();
    await send(id, 'input');
    const none = await client.call('tasks/pushNotification/get', { id });
    expect(none.json.result).to.equal(null);
    const refused = { id, pushNotificationConfig: { url: 'http://example.com/' } };
    expect(await client.code('tasks/pushNotification/set', refused)).to.equal(-32602);
    const hook = {
      url: receiver.url('/v01'),
      token: planted('push-token'),
      authentication: { schemes: ['Bearer'], credentials: planted('credentials') },
    };
    const set = await client.result('tasks/pushNotification/set', { id, pushNotificationConfig: hook });
    expect(JSON.stringify(set)).to.not.include(planted('credentials'));
    expect(await client.result('tasks/pushNotification/get', { id })).to.deep.equal(set);
    await send(id, 'blue');
    const isOver = (): boolean =>
      receiver.received.some(
        ({ body }) => (body as { status?: { state: string } }).status?.state === 'completed',
      );
    await eventually(isOver);
    for (const { headers, body } of receiver.received) {
      expect(headers).to.include({
        authorization: `Bearer ${planted('credentials')}`,
        'x-a2a-notification-token': planted('push-token'),
      });
      expect(body['id']).to.equal(id);
    }
  });

  it('takes a webhook with the message, and takes it away', async () => {
    const id = newId();
    const statesAt = (path: string): unknown[] =>
      receiver.received
        .filter((each) => each.path === path)
        .map(({ body }) => (body as { status?: { state: string } }).status?.state);
    await send(id, 'input', { pushNotification: { url: receiver.url('/gone') } });
    await eventually(() => statesAt('/gone').includes('input-required'));
    await client.call('tasks/pushNotification/set', { id, pushNotificationConfig: null });
    const before = statesAt('/gone');
    await send(id, 'blue');
    // One that was registered later and is told has had no more time than the other.
    await send(newId(), 'hello', { pushNotification: { url: receiver.url('/kept') } });
    await eventually(() => statesAt('/kept').includes('completed'));
    expect(statesAt('/gone')).to.deep.equal(before);
  });

  it('refuses with its own codes', async () => {
    expect(await client.code('tasks/send', { id: 'x' })).to.equal(-32602);
    expect(await client.code('tasks/send', { ...say01('x', 'hi'), historyLength: -1 })).to.equal(-32602);
  });
});
