import { join } from 'node:path';
import { expect } from 'chai';
import { acknowledged, isCompleted, type Sent, sendOnce } from '../helpers/load.ts';
import { eventually } from '../helpers/eventually.ts';
import { expectStored, useOutage } from '../helpers/outage.ts';
import { call, sendV1 } from '../helpers/rpc.ts';
import type { ServerProcess } from '../helpers/server.ts';
import { useServerProcesses } from '../helpers/server.ts';
import { allWorkers, pidsOf } from '../helpers/workers.ts';

describe('when several workers acknowledge while redis is away', function () {
  this.timeout(60_000);
  const outage = useOutage();
  const processes = useServerProcesses();
  const COUNT = 2;

  const folder = (): string => join(outage.redis.folder, 'outage');
  const envOf = (more: Record<string, string>): Record<string, string> => ({
    REDIS_URL: `unix://${outage.redis.path}`,
    A2A_WORKERS: String(COUNT),
    A2A_DEAD_SECONDS: '1',
    A2A_DRAIN_SECONDS: '1',
    ...more,
  });
  const serve = (more: Record<string, string> = {}): Promise<ServerProcess> =>
    processes.start(envOf(more), outage.redis.folder);
  const kept = (): Record<string, string> => ({ A2A_OUTAGE_JOURNAL_DIR: folder() });

  /** To new sessions, over connections of their own, until each worker has something that waits. */
  const deferToAll = async (server: ServerProcess): Promise<Sent[]> => {
    const sent: Sent[] = [];
    await eventually(async () => {
      const headers = { Connection: 'close' };
      const one = await sendOnce(
        server.url,
        'v1',
        `during ${sent.length}`,
        `session-${sent.length}`,
        headers,
      );
      expect(isCompleted(one), one.reply.text).to.equal(true);
      if (one.persistence === 'deferred') sent.push(one);
      const workers = await allWorkers(server, COUNT);
      return [...workers.values()].every(({ pending }) => pending.records > 0);
    }, 20_000);
    return sent;
  };
  const allStored = (server: ServerProcess): Promise<unknown> =>
    eventually(async () => {
      const workers = await allWorkers(server, COUNT);
      return [...workers.values()].every(
        ({ pending, status }) => pending.records === 0 && status === 'ready',
      );
    }, 15_000);

  it('the journal of one that is killed is read by its successor, and all is stored', async () => {
    const server = await serve(kept());
    await outage.redis.kill();
    const sent = await deferToAll(server);
    for (const pid of pidsOf(server).values()) process.kill(pid, 'SIGKILL');
    await server.logs.next('worker_listening', 15_000, 2 * COUNT);
    const read = server.logs.of('outage_journal_read').map(({ worker }) => worker);
    expect(read.sort()).to.deep.equal([1, 2]);
    await outage.redis.start();
    await allStored(server);
    await expectStored(outage.client, sent);
    expect(await server.stop()).to.equal(0);
  });

  it('a start that would leave a journal unread is refused, and one with enough workers stores it', async () => {
    const first = await serve(kept());
    await outage.redis.kill();
    const sent = await deferToAll(first);
    expect(await first.stop()).to.equal(0);
    const alone = processes.launch(envOf({ ...kept(), A2A_WORKERS: '1' }), outage.redis.folder);
    expect(await alone.exited()).to.equal(3);
    expect(alone.stderr).to.match(/worker-\d has \d+ acknowledged changes .*: start with A2A_WORKERS=2/);
    await outage.redis.start();
    const second = await serve(kept());
    await allStored(second);
    await expectStored(outage.client, sent);
    expect(await second.stop()).to.equal(0);
    const last = await serve({ ...kept(), A2A_WORKERS: '1' });
    expect(await last.stop()).to.equal(0);
  });

  it('ends with 4 when what was acknowledged is lost', async () => {
    const server = await serve();
    await outage.redis.kill();
    const sent = await deferToAll(server);
    expect(acknowledged(sent).size).to.be.above(0);
    expect(await server.stop()).to.equal(4);
    expect(server.stderr.match(/acknowledged records are not in it: they are lost/g)).to.have.length(COUNT);
  });

  it('ends with 4 when that is so of one of them alone', async () => {
    const server = await serve();
    await call(server.url, 'SendMessage', sendV1('m1', 'hello'), { 'A2A-Version': '1.0' });
    await outage.redis.kill();
    await eventually(async () => {
      const headers = { 'A2A-Version': '1.0', Connection: 'close' };
      const { headers: said } = await call(server.url, 'SendMessage', sendV1('m2', 'hello', 'ada'), headers);
      return said.get('A2A-Persistence') === 'deferred';
    });
    expect(await server.stop()).to.equal(4);
  });
});
