import { expect } from 'chai';
import { type Sent, isCompleted, Load, sendOnce } from '../helpers/load.ts';
import {
  ask,
  expectAllAnswered,
  expectMostlyStored,
  expectStored,
  nothingPending,
  useOutage,
} from '../helpers/outage.ts';
import { call, V1 } from '../helpers/rpc.ts';
import { findFaults, readSession, readSessions, SHELF, userTexts } from '../helpers/stored-sessions.ts';

describe('when redis comes back empty', function () {
  this.timeout(60_000);
  const outage = useOutage({ appendonly: false });

  it('says so once for each session it knew, and begins each anew with its next message', async () => {
    const server = await outage.serveHere();
    const known = Array.from({ length: 10 }, (_, i) => `known-${i}`);
    const before: Sent[] = [];
    for (const id of known) before.push(await sendOnce(server.url, 'v1', `before ${id}`, id));
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    // half of them go on while it is away
    for (const id of known.slice(0, 5)) {
      const one = await sendOnce(server.url, 'v03', `during ${id}`, id);
      expect([isCompleted(one), one.persistence]).to.deep.equal([true, 'deferred']);
    }
    await outage.redis.start();
    await nothingPending(server.url);
    expect((await readSessions(outage.client)).size).to.equal(0);
    const after: Sent[] = [];
    for (const round of [1, 2])
      for (const id of known) after.push(await sendOnce(server.url, 'v1', `after ${round} ${id}`, id));
    expect(after.filter((one) => !isCompleted(one))).to.deep.equal([]);
    expectMostlyStored(after);
    await nothingPending(server.url);
    await expectStored(outage.client, after);
    expect(await ask(server.url, 'count', 'known-0')).to.equal('3');
    for (const { taskId: id } of before) {
      expect((await call(server.url, 'GetTask', { id }, V1)).json.error).to.include({ code: -32001 });
    }
    const gone = server.logs.of('session_gone');
    expect(gone.map(({ sessionId, why }) => `${String(sessionId)} ${String(why)}`).sort()).to.deep.equal(
      known.map((id) => `${id} lost`),
    );
    const dropped = server.logs.of('records_dropped');
    expect(dropped.map(({ sessionId }) => sessionId).sort()).to.deep.equal(known.slice(0, 5));
  });

  it('keeps what was begun while it was away', async () => {
    const server = await outage.serveHere();
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const sent = [
      await sendOnce(server.url, 'v1', 'one', 'fresh'),
      await sendOnce(server.url, 'v1', 'two', 'fresh'),
      await sendOnce(server.url, 'v03', 'three'),
    ];
    await outage.redis.start();
    await nothingPending(server.url);
    await expectStored(outage.client, sent);
    expect(server.logs.of('session_gone')).to.deep.equal([]);
  });

  it('ends the task that was running, tells its client, and begins the session anew', async () => {
    const server = await outage.serveHere();
    const running = sendOnce(server.url, 'v1', 'slow 100 100', 'slow');
    const isRunning = async (): Promise<boolean> => (await readSession(outage.client, 'slow')).head > 4;
    while (!(await isRunning())) continue;
    await outage.redis.restart();
    const { reply } = await running;
    expect(reply.json.error).to.include({ code: -32001 });
    // A reconnected server may answer before all of its connections are back.
    await server.logs.next('store_recovered');
    await nothingPending(server.url);
    const anew = await sendOnce(server.url, 'v1', 'anew', 'slow');
    expect([isCompleted(anew), anew.persistence]).to.deep.equal([true, 'stored']);
    const stored = await readSession(outage.client, 'slow');
    expect(userTexts(stored)).to.deep.equal(['anew']);
    expect(await findFaults(outage.client, [stored])).to.deep.equal([]);
  });

  it('goes on under load, and revives nothing by half', async () => {
    const server = await outage.serve();
    const load = new Load([server.url], { conversations: 20 }).start();
    try {
      await load.answered(100);
      const goesAt = performance.now();
      await outage.redis.kill();
      await server.logs.next('store_unavailable');
      await load.answered(100);
      await outage.redis.start();
      await nothingPending(server.url);
      await load.answered(100);
      await load.stop();
      expectAllAnswered(load, goesAt);
    } finally {
      await load.stop().catch(() => undefined);
    }
    const stored = await readSessions(outage.client);
    expect(stored.size).to.be.above(20);
    expect(await findFaults(outage.client, stored.values())).to.deep.equal([]);
    // once for each session that was lost
    const gone = server.logs.of('session_gone').map(({ sessionId }) => String(sessionId));
    expect(new Set(gone).size).to.equal(gone.length);
    expect(server.logs.of('store_went_back')).to.deep.equal([]);
    // what it says of them is what they are
    for (const [id, session] of stored) {
      if (!id.includes('conversation')) continue;
      expect(await ask(server.url, 'recall', id)).to.equal(userTexts(session).join('\n'));
    }
    expect(await outage.client.exists(`${SHELF}sessions`)).to.equal(1);
  });
});
