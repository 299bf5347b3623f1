import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useRedis } from '../../helpers/redis.ts';
import { answered } from './answered-sends.ts';
import { ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf } from './service.ts';

describe('strict idempotency in a store', () => {
  const redis = useRedis();
  const openRedis = useRedisStores(redis);
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-strict-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const STORES: [string, () => Promise<SessionStore>][] = [
    ['redis', () => openRedis()],
    ['lmdb', () => LmdbSessionStore.open({ folder, pid: process.pid })],
  ];
  for (const [name, open] of STORES) {
    it(`that is ${name} holds over a restart`, async () => {
      const agent = new ScriptedAgent();
      const sends = [messageOf('derived'), messageOf('inside', { contextId: 'here' })].map((params) => ({
        params,
        ids: new Set<string>(),
      }));
      for (let life = 0; life < 3; life++) {
        const store = new FaultyStore(await open());
        const settings = { idempotency: 'strict' as const };
        const service = createService(store, undefined, { agent, settings });
        for (const { params, ids } of sends) ids.add(await answered(service, params, callOf()));
        await service.runner.drain(0);
        await service.manager.close();
        await store.close();
      }
      expect(sends.map(({ ids }) => ids.size)).to.deep.equal([1, 1]);
      expect(agent.begun).to.have.length(2);
    });
  }

  it('that is redis holds across two instances, in flight and answered', async () => {
    const agent = new ScriptedAgent();
    const services = await Promise.all(
      [1, 2].map(async () =>
        createService(new FaultyStore(await openRedis()), undefined, {
          agent,
          settings: { idempotency: 'strict' },
        }),
      ),
    );
    for (const over of [{}, { contextId: 'here' }]) {
      const params = messageOf('go', over);
      const ids = new Set<string>();
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(
          [...services, ...services, ...services].map((service) => answered(service, params, callOf())),
        );
        for (const id of answers) ids.add(id);
      }
      expect(ids.size).to.equal(1);
    }
    expect(agent.begun).to.have.length(2);
    for (const { manager } of services) await manager.close();
  });

  it('gives a stream that is sent again the events of the first task', async () => {
    const agent = new ScriptedAgent();
    const store = new FaultyStore(await openRedis());
    const service = createService(store, undefined, { agent, settings: { idempotency: 'strict' } });
    for (const over of [{}, { contextId: 'here' }]) {
      const params = messageOf('go', over);
      const first = await answered(service, params, callOf());
      const { frames, delivered } = await service.operations.sendStreamingMessage(params, callOf());
      const seen: string[] = [];
      for await (const { event } of frames) if (event.kind === 'task') seen.push(event.view.task.id);
      delivered?.();
      expect(seen).to.include(first);
      expect(await answered(service, params, callOf())).to.equal(first);
    }
    expect(agent.begun).to.have.length(2);
    await service.manager.close();
  });
});
