/** A2A 1.0: streams over the wire. */
import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { useServer } from '../helpers/server.ts';
import { memberOf, say, taskIn } from './said.ts';
import { type Frame, Wire } from './wire.ts';

const members = (frames: readonly Frame[]): string[] => frames.map(({ result }) => memberOf(result));
const stateIn = ({ result }: Frame): string => {
  const { task, statusUpdate } = result as Record<string, { status: { state: string } } | undefined>;
  return (task ?? statusUpdate)?.status.state ?? '';
};
const isChunk = (result: JsonObject): boolean => 'artifactUpdate' in result;
const isWorking = (result: JsonObject): boolean => stateIn({ id: '', result }) === 'TASK_STATE_WORKING';

describe('streams of 1.0', () => {
  const server = useServer();
  const client = new Wire(() => server.url, 'v1');
  const stream = (...said: Parameters<typeof say>) => client.stream('SendStreamingMessage', say(...said));

  it('are server-sent events, each a JSON-RPC answer [V1-9]', async () => {
    const { response, ...opened } = await stream('hello');
    expect(opened).to.be.an('object');
    expect(response.status).to.equal(200);
    expect(response.headers.get('Content-Type')).to.include('text/event-stream');
    const text = await response.text();
    const blocks = text.split('\n\n').filter((each) => each !== '' && !each.startsWith(':'));
    expect(blocks).to.have.length(3);
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      expect(JSON.parse(data?.slice(6) ?? '')).to.deep.include({ jsonrpc: '2.0', id: 's' });
    }
  });

  it('tell progress as it happens, not at the end [V1-25]', async () => {
    const opened = await stream('slow 2 60000');
    const frames = await opened.until(isChunk);
    expect(members(frames).at(-1)).to.equal('artifactUpdate');
    const { id } = taskIn(frames[0]?.result ?? {});
    opened.leave();
    // Leaving has not canceled it.
    expect(taskIn(await client.result('GetTask', { id })).status.state).to.equal('TASK_STATE_WORKING');
    await client.result('CancelTask', { id });
  });

  it('of a message have that one message and close [V1-26]', async () => {
    const frames = await (await stream('msg hi')).rest();
    expect(members(frames)).to.deep.equal(['message']);
  });

  it('of a task begin with it, go on in order, and close at its end [V1-27, V1-28, V1-96]', async () => {
    const frames = await (await stream('slow 3 5')).rest();
    const updates = ['artifactUpdate', 'artifactUpdate', 'artifactUpdate'];
    expect(members(frames)).to.deep.equal(['task', 'statusUpdate', ...updates, 'statusUpdate']);
    expect(stateIn(frames.at(-1) as Frame)).to.equal('TASK_STATE_COMPLETED');
    const texts = frames
      .filter(({ result }) => isChunk(result))
      .map(({ result }) => {
        const { artifactUpdate } = result as unknown as {
          artifactUpdate: { artifact: { parts: { text: string }[] } };
        };
        return artifactUpdate.artifact.parts[0]?.text;
      });
    expect(texts).to.deep.equal(['chunk 0', 'chunk 1', 'chunk 2']);
  });

  it('close after input is asked for, and go on with the answer', async () => {
    const asked = await (await stream('input')).rest();
    expect(stateIn(asked.at(-1) as Frame)).to.equal('TASK_STATE_INPUT_REQUIRED');
    const { id } = taskIn(asked[0]?.result ?? {});
    const answered = await (await stream('blue', { taskId: id })).rest();
    expect(stateIn(answered.at(-1) as Frame)).to.equal('TASK_STATE_COMPLETED');
  });

  it('stay open while authentication is awaited [V1-83]', async () => {
    const opened = await stream('auth');
    const [first] = await opened.until(
      (result) => stateIn({ id: '', result }) === 'TASK_STATE_AUTH_REQUIRED',
    );
    const { id } = taskIn(first?.result ?? {});
    await client.result('SendMessage', say('here', { taskId: id }));
    expect(stateIn((await opened.rest()).at(-1) as Frame)).to.equal('TASK_STATE_COMPLETED');
  });

  it('that are subscribed to begin with the task and end with it [V1-29, V1-30]', async () => {
    const sent = await stream('slow 4 100');
    const begun = await sent.until(isWorking);
    const { id } = taskIn(begun[0]?.result ?? {});
    const subscribed = await (await client.stream('SubscribeToTask', { id })).rest();
    expect(members(subscribed)[0]).to.equal('task');
    expect(stateIn(subscribed.at(-1) as Frame)).to.equal('TASK_STATE_COMPLETED');
    await sent.rest();
  });

  it('cannot be subscribed to when the task has ended or is not there [V1-31]', async () => {
    const { id } = taskIn(await client.result('SendMessage', say('hello')));
    expect(await client.code('SubscribeToTask', { id })).to.equal(-32004);
    expect(await client.code('SubscribeToTask', { id: 'no.thing' })).to.equal(-32001);
  });

  it('all tell the same in the same order, whoever leaves [V1-32]', async () => {
    const sent = await stream('slow 6 40');
    const begun = await sent.until(isWorking);
    const { id } = taskIn(begun[0]?.result ?? {});
    const others = await Promise.all([0, 1, 2].map(() => client.stream('SubscribeToTask', { id })));
    await others[0]?.next();
    others[0]?.leave();
    const told = await Promise.all([sent, ...others.slice(1)].map((each) => each.rest()));
    const texts = told.map((frames) =>
      frames.filter(({ result }) => isChunk(result)).map(({ id: cursor, result }) => [cursor, result]),
    );
    const longest = texts.reduce((a, b) => (a.length >= b.length ? a : b));
    for (const each of texts) expect(longest.slice(-each.length)).to.deep.equal(each);
    for (const frames of told) expect(stateIn(frames.at(-1) as Frame)).to.equal('TASK_STATE_COMPLETED');
  });

  it('are resumed behind the last event that was seen, nothing lost and nothing twice', async () => {
    const sent = await stream('slow 6 20');
    const begun = await sent.until(isChunk);
    sent.leave();
    const { id } = taskIn(begun[0]?.result ?? {});
    const cursor = begun.at(-1)?.id ?? '';
    const resumed = await client.stream('SubscribeToTask', { id }, { 'Last-Event-ID': cursor });
    const rest = await resumed.rest();
    expect(members([...begun, ...rest])).to.deep.equal([
      'task',
      'statusUpdate',
      ...Array<string>(6).fill('artifactUpdate'),
      'statusUpdate',
    ]);
    const again = await client.stream('SubscribeToTask', { id }, { 'Last-Event-ID': cursor });
    expect(await again.rest()).to.deep.equal(rest);
  });
});
