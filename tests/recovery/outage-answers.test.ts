import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Sent, isCompleted, sendOnce } from '../helpers/load.ts';
import { expectStored, nothingPending, readyz, useOutage } from '../helpers/outage.ts';
import { call, type RpcReply, sendV01, V1 } from '../helpers/rpc.ts';
import { findFaults, readSession, userTexts } from '../helpers/stored-sessions.ts';

/** A request waits for the store so long in all; the test allows twice that. */
const PATIENCE_MAX_MS = 2 * 250;

const header = ({ headers }: RpcReply): string | null => headers.get('A2A-Persistence');

/** `google.rpc.RetryInfo`, wherever the dialect puts it. */
const hasRetryInfo = ({ text }: RpcReply): boolean => /RetryInfo","retryDelay":"\d+s"/.test(text);

function expectUnavailable(reply: RpcReply): void {
  expect(reply.json.error, reply.text).to.include({ code: -32603, message: 'store unavailable' });
  expect(hasRetryInfo(reply), reply.text).to.equal(true);
}

describe('what the server answers while redis is away', function () {
  this.timeout(60_000);
  const outage = useOutage();

  it('begins a session that nobody here knows, and stores it later', async () => {
    const server = await outage.serveHere();
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const sent = [
      await sendOnce(server.url, 'v1', 'one', 'fresh'),
      await sendOnce(server.url, 'v03', 'two', 'fresh'),
      await sendOnce(server.url, 'v03', 'three'),
    ];
    expect(sent.map(({ persistence }) => persistence)).to.deep.equal(['deferred', 'deferred', 'deferred']);
    await outage.redis.start();
    await nothingPending(server.url);
    await expectStored(outage.client, sent);
  });

  it('never calls a task unknown that the store may know, and says that this passes [V1-77]', async () => {
    const server = await outage.serveHere();
    const known = await sendOnce(server.url, 'v1', 'hello', 'known');
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    await sendOnce(server.url, 'v1', 'hello', 'provisional');
    for (const id of [
      'elsewhere.x',
      'known.made-elsewhere',
      'provisional.made-elsewhere',
      'somebodys-own-id',
    ]) {
      expectUnavailable(await call(server.url, 'tasks/get', { id }));
      expectUnavailable(await call(server.url, 'tasks/cancel', { id }));
    }
    expectUnavailable(await call(server.url, 'GetTask', { id: 'known.made-elsewhere' }, V1));
    const message = { messageId: 'm', role: 'ROLE_USER', taskId: 'elsewhere.x', parts: [{ text: 'hi' }] };
    expectUnavailable(await call(server.url, 'SendMessage', { message }, V1));
    await outage.redis.start();
    await nothingPending(server.url);
    const { json } = await call(server.url, 'tasks/get', { id: 'elsewhere.x' });
    expect(json.error).to.include({ code: -32001 });
    expect((await call(server.url, 'GetTask', { id: known.taskId }, V1)).json.error).to.equal(undefined);
  });

  it('answers what it has in memory, and says that it is from there', async () => {
    const server = await outage.serveHere();
    const known = await sendOnce(server.url, 'v1', 'hello', 'known');
    await call(server.url, 'tasks/send', sendV01('t1', 'hello', 'old'));
    const beforehand = await call(server.url, 'GetTask', { id: known.taskId }, V1);
    expect(header(beforehand)).to.equal(null);
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const during = await call(server.url, 'GetTask', { id: known.taskId }, V1);
    expect(during.json.result).to.deep.equal(beforehand.json.result);
    expect(header(during)).to.equal('deferred');
    const byAlias = await call(server.url, 'tasks/get', { id: 't1' });
    expect(byAlias.json.result).to.include({ id: 't1', sessionId: 'old' });
    expect(header(byAlias)).to.equal('deferred');
    await outage.redis.start();
    await nothingPending(server.url);
    expect(header(await call(server.url, 'GetTask', { id: known.taskId }, V1))).to.equal(null);
  });

  it('refuses a 0.1 id that may name a task elsewhere, and goes on with one that it knows', async () => {
    const server = await outage.serveHere();
    await call(server.url, 'tasks/send', sendV01('t1', 'hello', 'old'));
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    expectUnavailable(await call(server.url, 'tasks/send', sendV01('t2', 'hello', 'old')));
    expectUnavailable(await call(server.url, 'tasks/send', sendV01('t3', 'hello', 'elsewhere')));
    expectUnavailable(await call(server.url, 'tasks/send', sendV01('t4', 'hello')));
    const again = await call(server.url, 'tasks/send', sendV01('t1', 'more'));
    expect(again.json.error?.message).to.equal('store unavailable');
    const inSession = await call(server.url, 'tasks/send', sendV01('t1', 'more', 'old'));
    expect(inSession.json.result).to.have.nested.property('status.state', 'completed');
    expect(header(inSession)).to.equal('deferred');
    await outage.redis.start();
    await nothingPending(server.url);
    expect(userTexts(await readSession(outage.client, 'old'))).to.deep.equal(['hello', 'more']);
    const now = await call(server.url, 'tasks/send', sendV01('t4', 'hello'));
    expect(now.json.result).to.have.nested.property('status.state', 'completed');
    expect(header(now)).to.equal('stored');
  });

  it('makes nobody wait for a frozen redis twice', async () => {
    const server = await outage.serveHere();
    const { taskId: id } = await sendOnce(server.url, 'v1', 'hello', 'known');
    await call(server.url, 'tasks/send', sendV01('t1', 'hello', 'old'));
    const ways: Record<string, () => Promise<unknown>> = {
      'a session that is new': () => sendOnce(server.url, 'v1', 'fresh', 'fresh'),
      'a session that is known': () => sendOnce(server.url, 'v03', 'again', 'known'),
      'a 0.1 task': () => call(server.url, 'tasks/send', sendV01('t1', 'again', 'old')),
      'a task by its own id': () => call(server.url, 'tasks/get', { id }),
      'a task by an id that is unknown': () => call(server.url, 'tasks/get', { id: 'unknown.x' }),
      'a cancel': () => call(server.url, 'tasks/cancel', { id }),
    };
    for (const [way, go] of Object.entries(ways)) {
      await eventually(() => isStored(server.url));
      outage.redis.pause();
      const began = performance.now();
      await go();
      const took = performance.now() - began;
      outage.redis.resume();
      expect(took, way).to.be.below(PATIENCE_MAX_MS);
    }
  });

  const isStored = async (url: string): Promise<boolean> => (await readyz(url)).status === 'ready';

  it('completes and stores a task that runs while redis is away', async () => {
    const server = await outage.serveHere();
    const running = sendOnce(server.url, 'v1', 'slow 20 40', 'slow');
    await eventually(async () => (await readSession(outage.client, 'slow')).records.length > 4);
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const sent = await running;
    expect(isCompleted(sent), sent.reply.text).to.equal(true);
    expect(sent.persistence).to.equal('deferred');
    await outage.redis.start();
    await nothingPending(server.url);
    const stored = await readSession(outage.client, 'slow');
    const chunks = stored.records.filter((body) => body?.t === 'artifact' || body?.t === 'chunk');
    expect(chunks).to.have.length(20);
    expect(await findFaults(outage.client, [stored])).to.deep.equal([]);
  });

  it('gives a session no more life by storing it late than its last message gave it', async () => {
    const server = await outage.serveHere({ A2A_SESSION_TTL_SECONDS: '20' });
    await sendOnce(server.url, 'v1', 'hello', 'known');
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const beganAt = performance.now();
    const sent = await sendOnce(server.url, 'v1', 'again', 'known');
    await sendOnce(server.url, 'v1', 'hello', 'fresh');
    // some of its life is over before redis is back
    await eventually(() => performance.now() - sent.endedAt > 1_500);
    await outage.redis.start();
    await nothingPending(server.url);
    for (const id of ['known', 'fresh']) {
      const { pttlMs } = await readSession(outage.client, id);
      const lived = performance.now() - beganAt;
      expect(pttlMs, id).to.be.within(20_000 - lived - 1_000, 20_000 - 1_500);
    }
  });

  it('drops what has outlived its session before redis was back, and says so', async () => {
    const server = await outage.serveHere({ A2A_SESSION_TTL_SECONDS: '1' });
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    await sendOnce(server.url, 'v1', 'hello', 'short');
    await eventually(async () => (await readyz(server.url)).pending.records > 0);
    const began = performance.now();
    await eventually(() => performance.now() - began > 1_100);
    await outage.redis.start();
    await nothingPending(server.url);
    expect(server.logs.of('records_dropped').map(({ why }) => why)).to.deep.equal(['expired']);
    expect((await readSession(outage.client, 'short')).hash).to.deep.equal({});
    // Within a second of a reconnect ioredis may lose the connection once more: an answer may still be deferred.
    await eventually(async () => {
      const anew = await sendOnce(server.url, 'v1', 'anew', 'short');
      expect(isCompleted(anew)).to.equal(true);
      return anew.persistence === 'stored';
    });
  });
});

describe('when too much waits for redis', function () {
  this.timeout(60_000);
  const outage = useOutage();
  const BOUND = 60;

  it('refuses new work instead of losing old, and takes it again once redis is back', async () => {
    const server = await outage.serveHere({ A2A_MAX_PENDING_RECORDS: String(BOUND) });
    await call(server.url, 'tasks/send', sendV01('t1', 'hello', 'old'));
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const sent: Sent[] = [];
    const refused: Sent[] = [];
    for (let n = 0; refused.length < 10; n += 1) {
      const one = await sendOnce(server.url, n % 2 === 0 ? 'v1' : 'v03', `text ${n}`, `s${n % 5}`);
      (one.reply.json.error === undefined ? sent : refused).push(one);
      expect((await readyz(server.url)).pending.records).to.be.at.most(BOUND);
    }
    // what was taken was also answered in full
    expect(sent.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
    expect(sent.length).to.be.above(5);
    const dialects: [RpcReply, number][] = [
      ...refused.map(({ reply }): [RpcReply, number] => [reply, -32603]),
      [await call(server.url, 'tasks/send', sendV01('t1', 'more', 'old')), -32011],
    ];
    for (const [reply, code] of dialects) {
      expect([reply.status, reply.json.error?.code], reply.text).to.deep.equal([503, code]);
      expect(Number(reply.headers.get('Retry-After'))).to.be.above(0);
      expect(hasRetryInfo(reply), reply.text).to.equal(true);
    }
    expect(server.logs.of('pending_full')).to.have.length(1);
    await outage.redis.start();
    await nothingPending(server.url);
    sent.push(await sendOnce(server.url, 'v1', 'afterwards', 's0'));
    const old: JsonObject = { sessionId: 'old' };
    const v01 = { ...sent[0]!, ...old, sessionId: 'old', text: 'hello' };
    await expectStored(outage.client, [v01, ...sent]);
  });
});
