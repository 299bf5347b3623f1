import { expect } from 'chai';
import { isCompleted, type Sent, sendOnce } from '../helpers/load.ts';
import { ask, type LocalServer, nothingPending, useOutage } from '../helpers/outage.ts';
import { call, V1 } from '../helpers/rpc.ts';
import { findFaults, readSession, taskIds, userTexts } from '../helpers/stored-sessions.ts';

describe('when redis goes away from two servers', function () {
  this.timeout(60_000);
  const outage = useOutage();

  const each = async (work: (server: LocalServer) => Promise<unknown>): Promise<void> => {
    await Promise.all(servers.map(work));
  };
  let servers: LocalServer[] = [];
  beforeEach(async () => {
    servers = await Promise.all([outage.serveHere(), outage.serveHere()]);
  });

  /** What both acknowledged stands in one journal, each message and task once, and both read it in one order. */
  async function expectOneSession(sessionId: string, sent: readonly Sent[]): Promise<void> {
    const stored = await readSession(outage.client, sessionId);
    const texts = userTexts(stored);
    expect([...texts].sort()).to.deep.equal(sent.map(({ text }) => text).sort());
    for (const { url } of servers) {
      const own = sent.filter((one) => one.url === url).map(({ text }) => text);
      expect(texts.filter((text) => own.includes(text))).to.deep.equal(own);
    }
    expect(taskIds(stored)).to.have.length(sent.length);
    expect(await findFaults(outage.client, [stored])).to.deep.equal([]);
    for (const { url } of servers) {
      for (const { taskId: id, text } of sent) {
        const { json } = await call(url, 'GetTask', { id }, V1);
        expect(JSON.stringify(json)).to.contain('TASK_STATE_COMPLETED').and.contain(`"echo: ${text}"`);
      }
    }
    expect(await ask(servers[0]!.url, 'recall', sessionId)).to.equal(texts.join('\n'));
    expect(await ask(servers[1]!.url, 'recall', sessionId)).to.equal([...texts, 'recall'].join('\n'));
  }

  it('makes one journal of a session that both began', async () => {
    await outage.redis.kill();
    await each((server) => server.logs.next('store_unavailable'));
    const sent: Sent[] = [];
    for (let n = 0; n < 10; n += 1) {
      for (const [which, { url }] of servers.entries())
        sent.push(await sendOnce(url, n % 2 === 0 ? 'v1' : 'v03', `text ${n} of ${which}`, 'shared'));
    }
    expect(sent.filter((one) => !isCompleted(one) || one.persistence !== 'deferred')).to.deep.equal([]);
    await outage.redis.start();
    await each(({ url }) => nothingPending(url));
    await expectOneSession('shared', sent);
    expect(servers.flatMap(({ logs }) => logs.of('record_refused'))).to.deep.equal([]);
  });

  it('makes one journal of what both added to a session, and goes on with it', async () => {
    const sent: Sent[] = [];
    const sendToEach = async (name: string): Promise<void> => {
      for (const [which, { url }] of servers.entries())
        sent.push(await sendOnce(url, 'v1', `${name} of ${which}`, 'shared'));
    };
    await sendToEach('before');
    await outage.redis.kill();
    await each((server) => server.logs.next('store_unavailable'));
    for (const name of ['one', 'two', 'three']) await sendToEach(name);
    await outage.redis.start();
    await each(({ url }) => nothingPending(url));
    await sendToEach('after');
    expect(sent.filter((one) => !isCompleted(one))).to.deep.equal([]);
    expect(sent.slice(-2).map(({ persistence }) => persistence)).to.deep.equal(['stored', 'stored']);
    await expectOneSession('shared', sent);
  });

  it('keeps one message that reached both under the same id as one message', async () => {
    await outage.redis.kill();
    await each((server) => server.logs.next('store_unavailable'));
    const [first, second] = await Promise.all(
      servers.map(({ url }) => sendOnce(url, 'v1', 'said twice', 'shared')),
    );
    await outage.redis.start();
    await each(({ url }) => nothingPending(url));
    expect(userTexts(await readSession(outage.client, 'shared'))).to.deep.equal(['said twice']);
    // both answers stay true
    for (const { taskId: id } of [first!, second!]) {
      for (const { url } of servers) {
        const { json } = await call(url, 'GetTask', { id }, V1);
        expect(json.result).to.have.nested.property('status.state', 'TASK_STATE_COMPLETED');
      }
    }
  });
});
