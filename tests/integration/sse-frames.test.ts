import { expect } from 'chai';
import { once } from 'node:events';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Dialect } from '../../protocol/model.ts';
import { post, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { chunkEvent, ScriptedStream, statusEvent, taskEvent } from '../helpers/scripted-stream.ts';
import { SseClient, useStreamDoor } from '../helpers/sse.ts';

const SEND = { jsonrpc: '2.0', id: 'q1', method: 'SendStreamingMessage', params: sendV1('m1', 'hi') };
const SUBSCRIBE = { jsonrpc: '2.0', id: 7, method: 'SubscribeToTask', params: { id: 's1.t1' } };

describe('a stream', () => {
  const used = useStreamDoor();
  const open = (body: object = SEND, headers: Record<string, string> = V1): Promise<SseClient> =>
    SseClient.open(used.door.url, body, headers);
  const plays = (frames: ScriptedStream, dialect: Dialect = 'v1'): ScriptedStream => {
    used.door.backend.onStream = () => used.door.backend.streamOf(frames, dialect);
    return frames;
  };

  it('has the headers of an event stream, in chunks that no proxy holds back', async () => {
    const client = await open();
    expect(client.response.statusCode).to.equal(200);
    expect(client.response.headers).to.include({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'transfer-encoding': 'chunked',
      'a2a-persistence': 'stored',
    });
    expect(client.response.headers).to.not.have.property('content-length');
    await client.toEnd();
    expect(client.isComplete).to.equal(true);
  });

  describe('tells every event as a JSON-RPC response with the id of the request', () => {
    it('in 1.0', async () => {
      const client = await open();
      const events = await client.toEnd();
      expect(events.map(({ data }) => [data.jsonrpc, data.id])).to.deep.equal([
        ['2.0', 'q1'],
        ['2.0', 'q1'],
        ['2.0', 'q1'],
      ]);
      expect(client.results.map((result) => Object.keys(result))).to.deep.equal([
        ['task'],
        ['artifactUpdate'],
        ['statusUpdate'],
      ]);
      expect(client.ids).to.deep.equal(['e.1', 'e.2', 'e.3']);
    });

    it('in 0.3', async () => {
      const body = { jsonrpc: '2.0', id: null, method: 'message/stream', params: sendV03('m1', 'hi') };
      const client = await open(body, {});
      const events = await client.toEnd();
      expect(events.map(({ data }) => data.id)).to.deep.equal([null, null, null]);
      expect(client.results.map(({ kind }) => kind)).to.deep.equal([
        'task',
        'artifact-update',
        'status-update',
      ]);
      expect(client.results[2]).to.include({ final: true });
    });

    it('in 0.1, where a task is told in several frames and only the last of them has an id', async () => {
      const of = { dialect: 'v01', alias: 't1' } as const;
      plays(new ScriptedStream(taskEvent(of), statusEvent('TASK_STATE_COMPLETED', true, of), 'end'), 'v01');
      const body = { jsonrpc: '2.0', id: 1, method: 'tasks/sendSubscribe', params: sendV01('t1', 'hi') };
      const client = await open(body, {});
      await client.toEnd();
      expect(client.events.length).to.be.greaterThan(2);
      expect(client.ids.slice(-2)).to.deep.equal(['e.1', 'e.2']);
      expect(client.ids.slice(0, -2).every((id) => id === undefined)).to.equal(true);
      expect(client.results.every((result) => 'status' in result || 'artifact' in result)).to.equal(true);
      expect(client.results.at(-1)).to.include({ id: 't1', final: true });
    });

    it('of the dialect that made the task, where the method name leaves it open', async () => {
      const of = { dialect: 'v01', alias: 't1' } as const;
      const body = { ...SUBSCRIBE, method: 'tasks/resubscribe' };
      plays(new ScriptedStream(statusEvent('TASK_STATE_COMPLETED', true, of), 'end'), 'v01');
      const legacy = await open(body, {});
      await legacy.toEnd();
      expect(legacy.results[0]).to.not.have.property('kind');
      plays(new ScriptedStream(statusEvent('TASK_STATE_COMPLETED', true, of), 'end'), 'v01');
      const named = await open(body, { 'A2A-Version': '0.3' });
      await named.toEnd();
      expect(named.results[0]).to.include({ kind: 'status-update' });
    });
  });

  it('is one line of data however many lines a text has', async () => {
    const text = 'one\ntwo\r\n\r\nid: 9\u2028\u0000☃';
    plays(new ScriptedStream(chunkEvent(text), 'end'));
    const client = await open();
    await client.toEnd();
    expect(client.results[0]).to.have.nested.property('artifactUpdate.artifact.parts[0].text', text);
  });

  it('leaves event by event, as each is there', async () => {
    const frames = plays(new ScriptedStream(taskEvent()));
    const client = await open();
    await client.until(() => client.events.length === 1);
    await frames.isAwaited();
    frames.give(chunkEvent('a'));
    await client.until(() => client.events.length === 2);
    frames.give('end');
    await client.toEnd();
    expect(client.isComplete).to.equal(true);
  });

  it('leaves in one piece where it is there in one turn, and in several where that would be a large one', async () => {
    const pieces = async (...texts: string[]): Promise<string[]> => {
      plays(new ScriptedStream(...texts.map((text) => chunkEvent(text)), 'end'));
      const { response } = await open();
      const found: string[] = [];
      response.on('data', (piece: string) => found.push(piece));
      await once(response, 'end');
      return found;
    };
    const idsIn = (text: string): string[] => [...text.matchAll(/^id: (.+)$/gm)].map(([, id = '']) => id);
    const [piece = '', ...others] = await pieces('a', 'b', 'c');
    expect(others).to.deep.equal([]);
    expect(idsIn(piece)).to.deep.equal(['e.1', 'e.2', 'e.3']);

    const large = Array.from({ length: 10 }, () => 'x'.repeat(30_000));
    const found = await pieces(...large);
    expect(found.length).to.be.greaterThan(3);
    expect(idsIn(found.join(''))).to.deep.equal(large.map((_text, i) => `e.${i + 1}`));
  });

  it('may have nothing to tell', async () => {
    plays(new ScriptedStream('end'));
    const client = await open(SUBSCRIBE);
    expect(client.contentType).to.equal('text/event-stream');
    expect(await client.toEnd()).to.deep.equal([]);
    expect(client.isComplete).to.equal(true);
  });

  it('gives the operation the event id that a reader comes back with', async () => {
    const lastEventIdOf = async (header: string): Promise<string | undefined> => {
      await (await open(SUBSCRIBE, { ...V1, 'Last-Event-ID': header })).toEnd();
      return used.door.backend.calls.at(-1)?.call.lastEventId;
    };
    expect(await lastEventIdOf('k3.17~i.4')).to.equal('k3.17~i.4');
    expect(await lastEventIdOf('x'.repeat(1024))).to.have.length(1024);
    expect(await lastEventIdOf('x'.repeat(1025))).to.have.length(1024);
    expect(await lastEventIdOf('')).to.equal(undefined);
  });

  it('is delivered when its last byte has left, and not before', async () => {
    const frames = plays(new ScriptedStream(taskEvent()));
    const client = await open();
    await client.until(() => client.events.length === 1);
    expect(used.door.backend.delivered).to.equal(0);
    frames.give('end');
    await client.toEnd();
    expect(used.door.backend.delivered).to.equal(1);
    expect([frames.returned, await used.door.openStreams()]).to.deep.equal([0, 0]);
  });

  it('closes its connection while the server drains', async () => {
    used.door.isDraining = true;
    expect((await open()).response.headers['connection']).to.equal('close');
  });

  describe('that fails', () => {
    const secret = new Error('redis://u:secret@host');

    it('before it begins is an ordinary JSON-RPC error', async () => {
      used.door.backend.onStream = () => Promise.reject(new ProtocolError('UNSUPPORTED_OPERATION'));
      for (const body of [SEND, { ...SUBSCRIBE, id: 'q1' }]) {
        const reply = await post(used.door.url, JSON.stringify(body), V1);
        expect(reply.headers.get('content-type')).to.equal('application/json');
        expect([reply.status, reply.json.id, reply.json.error?.code]).to.deep.equal([200, 'q1', -32004]);
      }
      const unknown = await post(
        used.door.url,
        JSON.stringify({ ...SUBSCRIBE, params: { id: 'unknown' } }),
        V1,
      );
      expect(unknown.json.error?.code).to.equal(-32001);
    });

    it('before its first event is one too, with the status and headers of the error', async () => {
      plays(new ScriptedStream(secret));
      const reply = await post(used.door.url, JSON.stringify(SEND), V1);
      expect(reply.headers.get('content-type')).to.equal('application/json');
      expect(reply.headers.get('content-length')).to.equal(String(Buffer.byteLength(reply.text)));
      expect(reply.json.error?.message).to.equal('Internal error');
      expect(reply.text).to.not.contain('secret');
      plays(new ScriptedStream(new ProtocolError('RESOURCE_EXHAUSTED', { httpStatus: 503 })));
      const refused = await post(used.door.url, JSON.stringify(SEND), V1);
      expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([503, '1']);
      expect([await used.door.openStreams(), used.door.backend.delivered]).to.deep.equal([0, 0]);
    });

    it('after it began tells so in a last event without an id, and nothing of the cause', async () => {
      const frames = plays(new ScriptedStream(taskEvent(), secret));
      const client = await open();
      const [, last, ...more] = await client.toEnd();
      expect(more).to.deep.equal([]);
      expect(last?.id).to.equal(undefined);
      expect(last?.data).to.deep.include({ jsonrpc: '2.0', id: 'q1' });
      expect(last?.data.error).to.deep.include({ code: -32603, message: 'Internal error' });
      expect(JSON.stringify(last)).to.not.contain('secret');
      expect(client.isComplete).to.equal(true);
      expect(used.door.logs.of('request_failed')).to.have.length(1);
      expect([frames.returned, used.door.backend.delivered]).to.deep.equal([0, 0]);
    });

    it('fails in its dialect', async () => {
      plays(
        new ScriptedStream(
          statusEvent('TASK_STATE_WORKING', false, { dialect: 'v01', alias: 't1' }),
          new ProtocolError('RESOURCE_EXHAUSTED'),
        ),
        'v01',
      );
      const client = await open({ ...SUBSCRIBE, method: 'tasks/resubscribe' }, {});
      const [, last] = await client.toEnd();
      expect(last?.data.error?.code).to.equal(-32011);
    });

    it('because an event cannot be told gives its source back', async () => {
      const frames = plays(
        new ScriptedStream(taskEvent(), { kind: 'task', view: null as never, final: false }),
      );
      const client = await open();
      const events = await client.toEnd();
      expect(events.at(-1)?.data.error?.message).to.equal('Internal error');
      expect(frames.returned).to.equal(1);
    });
  });

  it('without an id is done and answered 204 where 0.1 is spoken, and nobody listens', async () => {
    const frames = plays(new ScriptedStream(taskEvent()), 'v01');
    const body = { method: 'tasks/sendSubscribe', params: sendV01('t1', 'hi') };
    const reply = await post(used.door.url, JSON.stringify(body));
    expect([reply.status, reply.text, reply.headers.get('a2a-persistence')]).to.deep.equal([
      204,
      '',
      'stored',
    ]);
    expect([frames.pulled, frames.returned, used.door.backend.delivered]).to.deep.equal([0, 1, 1]);
    const refused = await post(used.door.url, JSON.stringify({ ...SEND, id: undefined }), V1);
    expect(refused.json.error?.code).to.equal(-32600);
    expect(used.door.backend.calls).to.have.length(1);
  });

  it('is refused like any call for a wrong Content-Type and wrong params', async () => {
    const wrongType = await post(used.door.url, JSON.stringify(SEND), {
      ...V1,
      'Content-Type': 'text/plain',
    });
    expect([wrongType.status, wrongType.json.error?.code]).to.deep.equal([415, -32005]);
    for (const [body, word] of [
      [{ ...SEND, params: undefined }, 'params'],
      [{ ...SEND, params: {} }, 'message'],
      [{ ...SUBSCRIBE, params: {} }, 'id'],
      [{ ...SEND, params: { ...SEND.params, tenant: 'acme' } }, 'tenant'],
      [{ ...SUBSCRIBE, params: { id: 's1.t1', tenant: 'acme' } }, 'tenant'],
    ] as const) {
      const reply = await post(used.door.url, JSON.stringify(body), V1);
      expect(reply.json.error?.code).to.equal(-32602);
      expect(reply.json.error?.message).to.contain(word);
    }
    expect(used.door.backend.calls).to.deep.equal([]);
  });

  it('is counted once, by what it began with', async () => {
    const outcomes = async (): Promise<unknown[]> =>
      (await used.door.metrics.requests.get()).values.map(({ labels, value }) => [labels.outcome, value]);
    plays(new ScriptedStream(taskEvent(), new Error('later')));
    await (await open()).toEnd();
    expect(await outcomes()).to.deep.equal([['ok', 1]]);
    plays(new ScriptedStream(new ProtocolError('SESSION_BUSY')));
    await post(used.door.url, JSON.stringify(SEND), V1);
    expect(await outcomes()).to.deep.equal([
      ['ok', 1],
      ['SESSION_BUSY', 1],
    ]);
  });
});
