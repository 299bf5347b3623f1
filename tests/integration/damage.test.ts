import { expect } from 'chai';
import { isCompleted, sendOnce } from '../helpers/load.ts';
import { type LocalServer, useOutage } from '../helpers/outage.ts';
import { call, type RpcReply, sendV01, V1 } from '../helpers/rpc.ts';
import { SHELF } from '../helpers/stored-sessions.ts';

const KEY = `${SHELF}s:known`;

describe('when somebody has damaged what is in redis', function () {
  this.timeout(30_000);
  const outage = useOutage({ appendonly: false });

  const get = (url: string, id: string): Promise<RpcReply> => call(url, 'GetTask', { id }, V1);

  /** -32603 with retry advice: not "not found", which would invite the client to begin again. */
  function expectDamaged(reply: RpcReply): void {
    expect(reply.json.error, reply.text).to.include({ code: -32603, message: 'damaged' });
    expect(reply.status).to.equal(200);
  }

  /** A session with three tasks, and a server that has never seen it. */
  async function begin(): Promise<{ server: LocalServer; ids: string[] }> {
    const before = await outage.serveHere();
    const ids: string[] = [];
    for (const text of ['one', 'two', 'three'])
      ids.push((await sendOnce(before.url, 'v1', text, 'known')).taskId);
    await before.stop();
    return { server: await outage.serveHere(), ids };
  }

  /** Number of the record that holds a text. */
  async function fieldOf(text: string): Promise<string> {
    const hash = await outage.client.hgetall(KEY);
    const found = Object.entries(hash).find(
      ([field, json]) =>
        /^\d+$/.test(field) && json.includes('"t":"message"') && json.includes(`"text":"${text}"`),
    );
    if (found === undefined) throw new Error(`no record of ${text}`);
    return found[0];
  }

  it('reads on around a damaged record, says once where it is, and changes nothing', async () => {
    const { server, ids } = await begin();
    const field = await fieldOf('two');
    const good = (await outage.client.hget(KEY, field)) ?? '';
    await outage.client.hset(KEY, field, '{');
    const damaged = await outage.client.hgetall(KEY);
    for (let round = 0; round < 3; round += 1) {
      for (const id of ids) {
        const { json } = await get(server.url, id);
        expect(json.result).to.have.nested.property('status.state', 'TASK_STATE_COMPLETED');
      }
    }
    expect((await get(server.url, ids[0]!)).text).to.contain('"echo: one"');
    expect((await get(server.url, ids[2]!)).text).to.contain('"echo: three"');
    expectDamaged((await sendOnce(server.url, 'v1', 'four', 'known')).reply);
    expectDamaged((await sendOnce(server.url, 'v03', 'four', 'known')).reply);
    expectDamaged(await call(server.url, 'tasks/send', sendV01('t1', 'four', 'known')));
    expect((await sendOnce(server.url, 'v1', 'four', 'known')).reply.text).to.contain('RetryInfo');
    expect(await outage.client.hgetall(KEY)).to.deep.equal(damaged);
    expect(server.logs.of('record_damaged')).to.have.length(1);
    expect(server.logs.of('record_damaged')[0]).to.include({ sessionId: 'known', key: KEY, field });
    // others go on
    expect(isCompleted(await sendOnce(server.url, 'v1', 'hello', 'healthy'))).to.equal(true);

    await outage.client.hset(KEY, field, good);
    const anew = await outage.serveHere();
    const sent = await sendOnce(anew.url, 'v1', 'recall', 'known');
    expect(sent.reply.text).to.contain('one\\ntwo\\nthree');
    expect(anew.logs.of('record_damaged')).to.deep.equal([]);
  });

  it('takes a record that is missing for damage, too', async () => {
    const { server, ids } = await begin();
    const field = await fieldOf('two');
    await outage.client.hdel(KEY, field);
    expect((await get(server.url, ids[2]!)).text).to.contain('"echo: three"');
    expectDamaged((await sendOnce(server.url, 'v1', 'four', 'known')).reply);
    expect(server.logs.of('record_damaged').map(({ field: named }) => named)).to.deep.equal([field]);
  });

  const HEADS: Record<string, { damage: () => Promise<unknown>; field: string }> = {
    'its head is not a number': { damage: () => outage.client.hset(KEY, 'v', 'abc'), field: 'v' },
    'its epoch is missing': { damage: () => outage.client.hdel(KEY, 'e'), field: 'e' },
    'its key has another type': { damage: () => outage.client.set(KEY, 'something else'), field: 'type' },
  };

  for (const [what, { damage, field }] of Object.entries(HEADS)) {
    it(`answers "damaged", and writes nothing, when ${what}`, async () => {
      const { server, ids } = await begin();
      await damage();
      const damaged = await outage.client.dumpBuffer(KEY);
      for (let round = 0; round < 3; round += 1) {
        expectDamaged(await get(server.url, ids[0]!));
        expectDamaged(await call(server.url, 'tasks/get', { id: ids[0]! }));
        expectDamaged(await call(server.url, 'tasks/cancel', { id: ids[0]! }));
        expectDamaged((await sendOnce(server.url, 'v1', 'four', 'known')).reply);
        expectDamaged(await call(server.url, 'tasks/send', sendV01('t1', 'four', 'known')));
      }
      expect(await outage.client.dumpBuffer(KEY)).to.deep.equal(damaged);
      expect(server.logs.of('session_damaged')).to.have.length(1);
      expect(server.logs.of('session_damaged')[0]).to.include({ sessionId: 'known', key: KEY, field });
      // damage says nothing about the store
      expect(server.logs.of('store_unavailable')).to.deep.equal([]);
    });

    it(`notices that ${what} also in a session that it has in memory, and goes on after a repair`, async () => {
      const { server, ids } = await begin();
      expect(isCompleted(await sendOnce(server.url, 'v1', 'four', 'known'))).to.equal(true);
      const hash = await outage.client.hgetall(KEY);
      await damage();
      expectDamaged(await get(server.url, ids[0]!));
      expectDamaged((await sendOnce(server.url, 'v1', 'five', 'known')).reply);
      expectDamaged(await get(server.url, ids[0]!));
      expect(server.logs.of('session_damaged')).to.have.length(1);
      await outage.client.del(KEY);
      await outage.client.hset(KEY, hash);
      await outage.client.pexpire(KEY, 60_000);
      expect((await get(server.url, ids[0]!)).json.error).to.equal(undefined);
      const sent = await sendOnce(server.url, 'v1', 'recall', 'known');
      expect(sent.reply.text).to.contain('one\\ntwo\\nthree\\nfour');
    });
  }
});
