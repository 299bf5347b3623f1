import { expect } from 'chai';
import { SYSTEM_CLOCK } from '../../server/sessions/session-parts.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { useRedis } from '../helpers/redis.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  opened,
  plainFold,
  readAll,
  refOf,
  say,
  textsOf,
} from '../helpers/sessions.ts';

const EACH = 100;

describe('two managers on one redis', () => {
  const redis = useRedis();
  let stores: SessionStore[] = [];

  const openManager = async (instance: string) => {
    const client = createRedisClient(redis.server.address, () => undefined);
    await client.connect();
    const store = new FaultyStore(
      new RedisSessionStore(client, {
        prefix: redis.prefix,
        buckets: 1,
        exclusive: false,
        indexTtlMs: 86_400_000,
        location: 'redis',
      }),
    );
    stores.push(store);
    return { store, ...createTestManager(store, { instance, clock: SYSTEM_CLOCK }) };
  };

  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
  });

  it('append 100 messages each, interleaved: 200 are there, in one order for both memories and redis', async () => {
    const one = await openManager('one');
    const two = await openManager('two');
    await changeOnce(one.manager, begin('t1', 'first'));
    const append = async ({ manager }: typeof one, name: string): Promise<void> => {
      const session = await opened(manager);
      for (let i = 0; i < EACH; i++) {
        expect(await session.change(say('t1', `${name} ${i}`))).to.equal('stored');
      }
      manager.release(session);
    };
    await Promise.all([append(one, 'one'), append(two, 'two')]);

    const stored = await readAll(one.store);
    const memories = await Promise.all(
      [one, two].map(async ({ manager }) => {
        const session = await opened(manager, refOf(), 'existing');
        await manager.catchUp(session);
        manager.release(session);
        return session.view;
      }),
    );
    const [first, second] = memories as [(typeof memories)[0], (typeof memories)[0]];
    expect(plainFold(second)).to.deep.equal(plainFold(first));
    const texts = textsOf(first);
    expect(texts).to.have.length(1 + 2 * EACH);
    for (const name of ['one', 'two']) {
      const own = texts.filter((text) => text.startsWith(name));
      expect(own).to.deep.equal(Array.from({ length: EACH }, (_, i) => `${name} ${i}`));
    }
    const inRedis = stored
      .map(({ json }) => JSON.parse(json ?? '') as { t: string; message?: { messageId: string } })
      .filter(({ t }) => t === 'message')
      .map(({ message }) => message?.messageId);
    expect(inRedis).to.deep.equal(texts);
    // They did meet: an order that nobody fought for proves nothing.
    expect(one.counters.of('commit moved') + two.counters.of('commit moved')).to.be.above(20);
  });

  it('both get their turn when one of them writes without a pause', async () => {
    const one = await openManager('one');
    const two = await openManager('two');
    await changeOnce(one.manager, begin('t1', 'first'));
    const busy = await opened(one.manager);
    const patient = await opened(two.manager);
    const writer = { isWriting: true };
    const writing = (async () => {
      for (let i = 0; writer.isWriting; i++) await busy.change(say('t1', `busy ${i}`));
    })();
    try {
      for (let i = 0; i < 20; i++) {
        expect(await patient.change(say('t1', `patient ${i}`))).to.equal('stored');
      }
    } finally {
      writer.isWriting = false;
      await writing;
    }
    const patientTexts = textsOf(patient.view).filter((text) => text.startsWith('patient'));
    expect(patientTexts).to.have.length(20);
  });

  it('commit what was decided together in one round trip, and catch up in one', async () => {
    const one = await openManager('one');
    const two = await openManager('two');
    const session = await opened(one.manager);
    await session.change(begin('t1', 'first'));
    const copy = await opened(two.manager);
    await Promise.all(Array.from({ length: 50 }, (_, i) => session.change(say('t1', `${i}`))));
    expect(one.store.calls.commit).to.equal(2);
    const before = two.store.calls.read ?? 0;
    await two.manager.catchUp(copy);
    expect((two.store.calls.read ?? 0) - before).to.equal(1);
    expect(textsOf(copy.view)).to.have.length(51);
  });
});
