import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, type Sent, sendOnce } from '../helpers/load.ts';
import { expectStored, expectTold, nothingPending, readyz, useOutage } from '../helpers/outage.ts';

const DRAIN_SECONDS = 2;

describe('when a server is stopped', function () {
  this.timeout(60_000);
  const outage = useOutage();

  it('ends in time while redis is away, and says how much is lost', async () => {
    const server = await outage.serve({ A2A_DRAIN_SECONDS: String(DRAIN_SECONDS) });
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    for (let n = 0; n < 5; n += 1) await sendOnce(server.url, 'v1', `text ${n}`, 'fresh');
    const { records } = (await readyz(server.url)).pending;
    expect(records).to.be.above(10);
    const began = performance.now();
    expect(await server.stop()).to.equal(4);
    expect(performance.now() - began).to.be.below(2 * DRAIN_SECONDS * 1_000);
    expect(server.logs.of('server_stopped')[0]).to.include({ pendingRecords: records });
  });

  it('ends in time while redis is frozen', async () => {
    const server = await outage.serve({ A2A_DRAIN_SECONDS: String(DRAIN_SECONDS) });
    await sendOnce(server.url, 'v1', 'stored', 'known');
    outage.redis.pause();
    const sent = await sendOnce(server.url, 'v1', 'deferred', 'known');
    expect(sent.persistence).to.equal('deferred');
    const began = performance.now();
    expect(await server.stop()).to.equal(4);
    expect(performance.now() - began).to.be.below(2 * DRAIN_SECONDS * 1_000);
    expect(server.logs.of('server_stopped')[0]?.['pendingRecords']).to.be.above(0);
  });

  it('stores what waits when redis comes back while it drains', async () => {
    const server = await outage.serve({ A2A_DRAIN_SECONDS: '20' });
    await outage.redis.kill();
    await server.logs.next('store_unavailable');
    const sent = [
      await sendOnce(server.url, 'v1', 'one', 'fresh'),
      await sendOnce(server.url, 'v03', 'two', 'fresh'),
    ];
    server.signal('SIGTERM');
    await server.logs.next('server_draining');
    await outage.redis.start();
    expect(await server.exited()).to.equal(0);
    expect(server.logs.of('server_stopped')[0]).to.include({ pendingRecords: 0 });
    await expectStored(outage.client, sent);
  });

  it('loses nothing that it acknowledged when it is stopped in the middle of its work', async () => {
    const server = await outage.serve();
    const answered: Sent[] = [];
    let isStopping = false;
    const talk = async (conversation: number): Promise<void> => {
      for (let n = 0; ; n += 1) {
        try {
          const text = `${conversation} ${n}`;
          const sent = await sendOnce(server.url, 'v1', text, `conversation-${conversation}`);
          // over a connection that is open still it is told so
          if (isStopping && sent.reply.status === 503) return;
          answered.push(sent);
        } catch (error) {
          // not taken any more: the connection was closed or refused
          if (isStopping) return;
          throw error;
        }
      }
    };
    const talking = Promise.all(Array.from({ length: 20 }, (_, conversation) => talk(conversation)));
    await Promise.race([talking, eventually(() => answered.length > 200)]);
    isStopping = true;
    expect(await server.stop()).to.equal(0);
    await talking;
    expect(answered.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
    expect(server.logs.of('server_stopped')[0]).to.include({ pendingRecords: 0 });
    const next = await outage.serve();
    await nothingPending(next.url);
    await expectStored(outage.client, answered);
    await expectTold(next.url, answered);
  });
});
