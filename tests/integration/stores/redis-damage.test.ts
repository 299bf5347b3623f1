import { expect } from 'chai';
import { SessionDamagedError } from '../../../server/sessions/session-store.ts';
import { IndexDamagedError } from '../../../server/stores/index-damaged-error.ts';
import { StoreSettingsError } from '../../../server/stores/redis/errors.ts';
import { createKeys } from '../../../server/stores/redis/keys.ts';
import type { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import {
  HOUR,
  Writer,
  aliasOf,
  createOf,
  errorOf,
  refOf,
  requestAt,
  taskOf,
} from '../../contract/harness.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { useRedis } from '../../helpers/redis.ts';

const WORKING = 'TASK_STATE_WORKING';
const DONE = 'TASK_STATE_COMPLETED';

describe('the redis store and its keyspace', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  let store: RedisSessionStore;
  const base = () => `${redis.prefix}:1:{acme.00}:`;
  const leftovers = async () => (await redis.client.keys(`${redis.prefix}:1:{acme.*`)).sort();

  beforeEach(async () => {
    store = await openStore();
  });

  describe('what is damaged', () => {
    const head = (fields: Record<string, string>) => async () => {
      await redis.client.del(`${base()}s:s1`);
      await redis.client.hset(`${base()}s:s1`, fields);
    };
    const damages: [string, () => Promise<unknown>][] = [
      ['type', () => redis.client.set(`${base()}s:s1`, 'text')],
      ['e', head({ v: '3' })],
      ['e', head({ d: '3' })],
      ['v', head({ e: 'e1', v: 'three' })],
      ['v', head({ e: 'e1', v: '0x10' })],
      ['v', head({ e: 'e1', v: '' })],
      ['v', head({ e: 'e1' })],
    ];
    for (const [i, [field, damage]] of damages.entries()) {
      it(`is told by its field and never written: ${field} (${i})`, async () => {
        await damage();
        const before = await redis.client.dump(`${base()}s:s1`);
        const at = { epoch: 'e1', head: 3, w: 'i1.3' };
        const attempts = [
          store.read(refOf()),
          store.read(refOf(), at, HOUR),
          store.commit(refOf(), requestAt(at, 4, ['4'], { tasks: [taskOf('t', WORKING)] })),
          store.commit(refOf(), createOf('e2', ['1'], { tasks: [taskOf('t', WORKING)] })),
          store.remove(refOf(), HOUR),
        ];
        for (const attempt of attempts) {
          const error = await errorOf(attempt);
          expect(error).to.be.instanceOf(SessionDamagedError);
          expect(error).to.include({ key: `${base()}s:s1`, field });
        }
        expect(await redis.client.dump(`${base()}s:s1`)).to.equal(before);
        expect(await leftovers()).to.deep.equal([`${base()}s:s1`]);
      });
    }

    for (const index of ['sessions', 'tasks', 'tasks:ids', 'tasks:completed', 'tasks:working', 'aliases']) {
      it(`leaves the session unwritten and names the key when an index is: ${index}`, async () => {
        const writer = await new Writer(store).create(['1'], {
          tasks: [taskOf('t', WORKING)],
          aliases: [aliasOf('mine', 't')],
        });
        const before = await redis.client.dump(`${base()}s:s1`);
        await redis.client.del(base() + index);
        await redis.client.set(base() + index, 'text');
        const request = requestAt(writer.cursor, 2, ['2'], {
          tasks: [taskOf('t', DONE, WORKING), taskOf('u', WORKING)],
          aliases: [aliasOf('more', 'u')],
          // for long enough to move the session's entry in `sessions`
          expiry: { kind: 'slide', ttlMs: 2 * HOUR },
        });
        const error = await errorOf(store.commit(writer.ref, request));
        expect(error)
          .to.be.instanceOf(IndexDamagedError)
          .with.property('key', base() + index);
        expect(error.message).to.include(base() + index);
        expect(await redis.client.dump(`${base()}s:s1`)).to.equal(before);
        const { tasks } = request;
        const second = createOf('e2', ['1'], { tasks, aliases: [aliasOf('others', 'u')] });
        const create = await errorOf(store.commit(refOf('s2'), second));
        expect(create).to.be.instanceOf(IndexDamagedError);
        expect(await redis.client.exists(`${base()}s:s2`)).to.equal(0);
      });
    }
  });

  describe('with several buckets', () => {
    it('refuses a start with another number of them', async () => {
      await store.checkSettings();
      await store.checkSettings();
      const error = await errorOf((await openStore({ buckets: 4 })).checkSettings());
      expect(error).to.be.instanceOf(StoreSettingsError);
      expect(error.message).to.include('A2A_TENANT_BUCKETS is 4').and.include('set up with 1');
    });

    it('spreads sessions, and finds and frees aliases in buckets of their own', async () => {
      const spread = await openStore({ buckets: 8 });
      for (let i = 0; i < 20; i += 1) {
        const more = { tasks: [taskOf('t', WORKING)], aliases: [aliasOf(`alias ${i}`, 't')] };
        await new Writer(spread, refOf(`s${i}`)).create(['1'], more);
      }
      const sessions = (await leftovers()).filter((key) => key.endsWith(':sessions'));
      expect(sessions.length).to.be.above(4);
      expect(await spread.resolveAlias('acme', 'ann', 'alias 7')).to.equal('s7.t');
      for (let i = 0; i < 20; i += 1) expect(await spread.remove(refOf(`s${i}`), HOUR)).to.equal('removed');
      expect((await leftovers()).filter((key) => !key.includes(':s:'))).to.deep.equal([]);
    });

    it('takes an alias that a commit of the same session has left without ever being stored', async () => {
      const spread = await openStore({ buckets: 8 });
      const writer = await new Writer(spread).create(['1']);
      // The alias is set on its own shelf first; that commit is refused, or lost, and so is the way back.
      const { aliases } = createKeys(redis.prefix, 8).aliasShelf('acme', 'ann', 'mine');
      await redis.client.hset(aliases, 'ann/mine', 's1.lost');
      await writer.append(['2'], { tasks: [taskOf('t', WORKING)], aliases: [aliasOf('mine', 't')] });
      expect(await spread.resolveAlias('acme', 'ann', 'mine')).to.equal('s1.t');
    });
  });
});
