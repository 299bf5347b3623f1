import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, Load, type Sent, sendOnce } from '../helpers/load.ts';
import { expectAllAnswered, expectStored, nothingPending, readyz, useOutage } from '../helpers/outage.ts';

describe('when redis is there and does not serve', function () {
  this.timeout(60_000);
  const outage = useOutage();

  const KINDS: Record<
    string,
    { begin: (redis: Redis) => Promise<unknown>; end: (redis: Redis) => Promise<unknown> }
  > = {
    'its memory is full': {
      begin: (redis) => redis.config('SET', 'maxmemory', '1'),
      end: (redis) => redis.config('SET', 'maxmemory', '0'),
    },
    'it has become a replica': {
      begin: (redis) => redis.replicaof('127.0.0.1', 1),
      end: (redis) => redis.replicaof('NO', 'ONE'),
    },
    'it lacks the replicas that it has to have': {
      begin: (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
      end: (redis) => redis.config('SET', 'min-replicas-to-write', '0'),
    },
  };

  for (const [kind, { begin, end }] of Object.entries(KINDS)) {
    it(`answers from memory while ${kind}, and stores all of it afterwards`, async () => {
      const server = await outage.serveHere();
      const sent: Sent[] = [await sendOnce(server.url, 'v1', 'before', 'known')];
      await begin(outage.client);
      sent.push(await sendOnce(server.url, 'v03', 'the first that is not stored', 'fresh'));
      await server.logs.next('store_unavailable', 2_000);
      for (let n = 0; n < 10; n += 1) sent.push(await sendOnce(server.url, 'v1', `away ${n}`, `s${n % 4}`));
      await end(outage.client);
      await nothingPending(server.url);
      const after = await sendOnce(server.url, 'v1', 'after', 'known');
      sent.push(after);
      expect(sent.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
      expect([sent[0]?.persistence, after.persistence]).to.deep.equal(['stored', 'stored']);
      expect(new Set(sent.slice(1, -1).map(({ persistence }) => persistence))).to.deep.equal(
        new Set(['deferred']),
      );
      await expectStored(outage.client, sent);
      expect(server.logs.of('store_unavailable')).to.have.length(1);
      expect(server.logs.of('store_recovered')).to.have.length(1);
    });
  }

  it('takes cut connections and forgotten scripts for what they are', async () => {
    const server = await outage.serve();
    const load = new Load([server.url], { conversations: 20 }).start();
    try {
      await load.answered(100);
      const beganAt = performance.now();
      const own = await outage.client.client('ID');
      for (let n = 0; n < 3; n += 1) {
        await outage.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await outage.client.script('FLUSH');
        await load.answered(60);
      }
      expect(await outage.client.client('ID')).to.equal(own);
      await load.answered(50);
      const sent = await load.stop();
      expectAllAnswered(load, beganAt);
      await nothingPending(server.url);
      await expectStored(outage.client, sent);
    } finally {
      await load.stop().catch(() => undefined);
    }
  });

  it('forgets nothing when the scripts are flushed, and defers nothing for it', async () => {
    const server = await outage.serveHere();
    const sent = [await sendOnce(server.url, 'v1', 'one', 'known')];
    await outage.client.script('FLUSH');
    sent.push(await sendOnce(server.url, 'v1', 'two', 'known'));
    expect(sent.map(({ persistence }) => persistence)).to.deep.equal(['stored', 'stored']);
    await expectStored(outage.client, sent);
  });

  it('is away while redis loads its data, and not ready before it has answered once', async () => {
    await outage.redis.kill();
    const server = await outage.serveHere();
    expect(await readyz(server.url)).to.include({ httpStatus: 503 });
    const sent = await sendOnce(server.url, 'v1', 'early', 'known');
    expect(sent.persistence).to.equal('deferred');
    await outage.redis.start();
    await eventually(async () => (await readyz(server.url)).httpStatus === 200);
    await nothingPending(server.url);
    await expectStored(outage.client, [sent]);
  });
});
