/** Streams of a real server, from the wire to the store, in all dialects. */
import { expect } from 'chai';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import { sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { SseClient } from '../helpers/sse.ts';
import { useServer } from '../helpers/server.ts';

interface Way {
  readonly headers: Record<string, string>;
  readonly send: string;
  readonly subscribe: string;
  readonly params: (text: string) => JsonObject;
  /** An event in a few words. */
  readonly told: (result: JsonObject) => string;
  readonly taskId: (result: JsonObject) => string;
}

const at = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce((found, key) => (found as Record<string | number, unknown> | undefined)?.[key], value);

const WAYS: Record<Dialect, Way> = {
  v1: {
    headers: V1,
    send: 'SendStreamingMessage',
    subscribe: 'SubscribeToTask',
    params: (text) => sendV1('m1', text),
    told: (result) =>
      'task' in result
        ? 'task'
        : String(
            at(result, 'statusUpdate', 'status', 'state') ??
              at(result, 'artifactUpdate', 'artifact', 'parts', 0, 'text'),
          ),
    taskId: (result) =>
      String(
        at(result, 'task', 'id') ??
          at(result, 'statusUpdate', 'taskId') ??
          at(result, 'artifactUpdate', 'taskId'),
      ),
  },
  v03: {
    headers: {},
    send: 'message/stream',
    subscribe: 'tasks/resubscribe',
    params: (text) => sendV03('m1', text),
    told: (result) =>
      result['kind'] === 'task'
        ? 'task'
        : String(at(result, 'status', 'state') ?? at(result, 'artifact', 'parts', 0, 'text')),
    taskId: (result) => String(at(result, 'taskId') ?? at(result, 'id')),
  },
  v01: {
    headers: {},
    send: 'tasks/sendSubscribe',
    subscribe: 'tasks/resubscribe',
    params: (text) => sendV01('t1', text),
    told: (result) => String(at(result, 'status', 'state') ?? at(result, 'artifact', 'parts', 0, 'text')),
    taskId: (result) => String(at(result, 'id')),
  },
};

const BEGIN: Record<Dialect, readonly string[]> = {
  v1: ['task', 'TASK_STATE_WORKING'],
  v03: ['task', 'working'],
  v01: ['submitted', 'working'],
};
const CHUNKS = ['chunk 0', 'chunk 1', 'chunk 2', 'chunk 3', 'chunk 4'];

const numberOf = (id: string | undefined): number => Number(id?.split('.')[1]);

describe('a stream of a server', () => {
  const used = useServer();

  for (const dialect of ['v1', 'v03', 'v01'] as const) {
    const way = WAYS[dialect];
    const open = (method: string, params: JsonObject, headers = {}): Promise<SseClient> =>
      SseClient.open(used.url, { jsonrpc: '2.0', id: 1, method, params }, { ...way.headers, ...headers });
    const end = dialect === 'v1' ? 'TASK_STATE_COMPLETED' : 'completed';

    it(`tells a task in ${dialect}, every event once and in the order of the journal`, async () => {
      const client = await open(way.send, way.params('slow 5 10'));
      await client.toEnd();
      expect(client.results.map(way.told)).to.deep.equal([...BEGIN[dialect], ...CHUNKS, end]);
      const numbers = client.ids.filter((id) => id !== undefined).map(numberOf);
      expect(numbers).to.deep.equal([...new Set(numbers)].sort((a, b) => a - b));
      expect(client.isComplete).to.equal(true);
      if (dialect !== 'v1')
        expect(client.results.map(({ final }) => final === true)).to.deep.equal(
          client.results.map((_, i) => i === client.results.length - 1),
        );
    });

    it(`goes on behind the last event id in ${dialect}, with nothing lost and nothing twice`, async () => {
      const first = await open(way.send, way.params('slow 5 30'));
      await first.until(() => first.results.map(way.told).includes('chunk 1'));
      first.leave();
      const seen = first.results.map(way.told);
      const lastEventId = first.ids.findLast((id) => id !== undefined) ?? '';
      const id = way.taskId(first.results[0] ?? {});
      const second = await open(way.subscribe, { id }, { 'Last-Event-ID': lastEventId });
      await second.toEnd();
      const rest = second.results.map(way.told);
      expect([...seen, ...rest]).to.deep.equal([...BEGIN[dialect], ...CHUNKS, end]);
      const again = await open(way.subscribe, { id }, { 'Last-Event-ID': lastEventId });
      await again.toEnd();
      expect(again.results.map(way.told)).to.deep.equal(rest);
    });
  }

  describe('ends when the server stops', () => {
    // the drain time of test servers is one second
    const stop = async (): Promise<number> => {
      const from = performance.now();
      await used.server.close();
      return performance.now() - from;
    };
    const send = (text: string): Promise<SseClient> => {
      const params = sendV1('m1', text);
      return SseClient.open(used.url, { jsonrpc: '2.0', id: 1, method: 'SendStreamingMessage', params }, V1);
    };

    it('at once where nothing runs, so that it does not keep the server', async () => {
      const sent = await send('input');
      await sent.toEnd();
      const body = { jsonrpc: '2.0', id: 1, method: 'SubscribeToTask' };
      const id = WAYS.v1.taskId(sent.results[0] ?? {});
      const client = await SseClient.open(used.url, { ...body, params: { id } }, V1);
      await client.until(() => client.events.length === 1);
      expect(await stop()).to.be.lessThan(900);
      await client.toEnd();
      expect(client.isComplete).to.equal(true);
    });

    it('with the drain time where a task goes on, after what its end is told', async () => {
      const client = await send('slow 2 60000');
      await client.until(() => client.events.length >= 2);
      expect(await stop()).to.be.lessThan(2500);
      await client.toEnd();
      expect([client.isComplete, client.events.at(-1)?.id === undefined]).to.deep.equal([true, false]);
    });
  });
});
