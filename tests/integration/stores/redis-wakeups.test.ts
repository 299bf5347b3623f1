import { expect } from 'chai';
import { createRedisClient } from '../../../server/stores/redis/client.ts';
import { createSubscriberLike, RedisWakeups } from '../../../server/stores/redis/redis-wakeups.ts';
import { Writer, refOf } from '../../contract/harness.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useRedis } from '../../helpers/redis.ts';

/** What a listener was told, in order. */
class Heard {
  readonly messages: string[] = [];
  gaps = 0;
  readonly onMessage = (message: string): void => {
    this.messages.push(message);
  };
  readonly onGap = (): void => {
    this.gaps += 1;
  };
}

describe('hints from redis', () => {
  const redis = useRedis();
  let wakeups: RedisWakeups;
  let made: number;

  beforeEach(() => {
    const like = createRedisClient(redis.server.address, () => undefined);
    made = 0;
    wakeups = new RedisWakeups(
      () => {
        made += 1;
        return createSubscriberLike(like);
      },
      { pingEveryMs: 50, pongWithinMs: 500, readyWithinMs: 500, lingerMs: 100 },
    );
  });
  afterEach(() => {
    wakeups.close();
  });

  const listen = async (channel = 'c') => {
    const heard = new Heard();
    return { heard, end: await wakeups.listen(channel, heard) };
  };
  const listeners = async (channel = 'c'): Promise<number> =>
    Number((await redis.client.pubsub('NUMSUB', channel))[1]);
  const calls = async (command: string): Promise<number> => {
    const stats = await redis.client.info('commandstats');
    return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  };
  const publish = (message: string) => redis.client.publish('c', message);

  it('need one subscription for all who listen to a channel, and none when nobody does', async () => {
    expect(made).to.equal(0);
    await redis.client.config('RESETSTAT');
    const [one, two, other] = [await listen(), await listen(), await listen('d')];
    expect([made, await listeners(), await calls('subscribe')]).to.deep.equal([1, 1, 2]);
    one.end();
    await publish('a');
    await eventually(() => two.heard.messages.length === 1);
    two.end();
    // several waits follow each other
    for (let i = 0; i < 20; i += 1) (await listen()).end();
    expect([await listeners(), await calls('subscribe')]).to.deep.equal([1, 2]);
    await eventually(async () => (await listeners()) === 0);
    expect(await calls('unsubscribe')).to.equal(1);
    const again = await listen();
    await publish('b');
    await eventually(() => again.heard.messages.length === 1);
    expect([one.heard.messages, two.heard.messages, other.heard.messages]).to.deep.equal([[], ['a'], []]);
    expect([again.heard.gaps, two.heard.gaps, made]).to.deep.equal([0, 0, 1]);
  });

  it('leave a server that is frozen, and say so to all when they come again', async () => {
    const [one, two] = [await listen(), await listen('d')];
    redis.server.pause();
    try {
      await eventually(() => made >= 3);
    } finally {
      redis.server.resume();
    }
    await eventually(() => one.heard.gaps === 1 && two.heard.gaps === 1);
    await publish('a');
    await eventually(() => one.heard.messages.length === 1);
    expect([one.heard.gaps, two.heard.gaps, await listeners()]).to.deep.equal([1, 1, 1]);
  });

  it('keep the connection to a server that answers', async () => {
    await redis.client.config('RESETSTAT');
    const { heard } = await listen();
    await eventually(async () => (await calls('ping')) >= 5);
    expect([made, heard.gaps]).to.deep.equal([1, 0]);
  });

  it('come again after their connections were killed, and after a restart', async () => {
    const { heard } = await listen();
    for (let gaps = 1; gaps <= 3; gaps += 1) {
      if (gaps < 3) await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      else await redis.server.restart();
      await eventually(() => heard.gaps === gaps);
      await eventually(async () => (await publish(`after ${gaps}`)) === 1);
      await eventually(() => heard.messages.at(-1) === `after ${gaps}`);
    }
  });

  it('are waited for only briefly, and a late listener is told what he may have missed', async () => {
    await redis.server.kill();
    const began = performance.now();
    const [late, gone] = await Promise.all([listen(), listen('d')]);
    expect(performance.now() - began).to.be.within(200, 2_000);
    gone.end();
    await redis.server.start();
    await eventually(() => late.heard.gaps === 1);
    await eventually(async () => (await publish('a')) === 1);
    await eventually(() => late.heard.messages.length === 1);
    expect([late.heard.gaps, gone.heard.gaps]).to.deep.equal([1, 0]);
  });

  it('are nothing more once it is closed', async () => {
    const { heard, end } = await listen();
    const waiting = wakeups.listen('d', heard);
    wakeups.close();
    await waiting;
    await eventually(async () => (await listeners()) === 0);
    end();
    (await wakeups.listen('c', heard))();
    expect(made).to.equal(1);
  });

  describe('for a store', () => {
    const openStore = useRedisStores(redis);
    const pubsubs = () => redis.client.call('CLIENT', 'LIST', 'TYPE', 'pubsub');

    it('are of others only: what it writes itself is no news', async () => {
      const [store, other] = [await openStore(), await openStore()];
      const heard: (number | undefined)[] = [];
      await store.watch(refOf(), (head) => heard.push(head));
      const own = await new Writer(store).create(['1']);
      await own.append(['2']);
      const theirs = new Writer(other, refOf(), 'i2');
      theirs.cursor = own.cursor;
      await theirs.append(['3']);
      await eventually(() => heard.length > 0);
      expect(heard).to.deep.equal([3]);
    });

    it('come again after a restart of the server, however empty it is', async () => {
      const [store, other] = [await openStore(), await openStore()];
      const heard: (number | undefined)[] = [];
      await store.watch(refOf(), (head) => heard.push(head));
      await redis.server.restart();
      await eventually(() => heard.length === 1);
      await eventually(() => new Writer(other, refOf(), 'i2').create());
      await eventually(() => heard.length === 2);
      expect(heard).to.deep.equal([undefined, 1]);
    });

    it('are not asked for before somebody watches, nor ever when it is exclusive', async () => {
      const alone = await openStore({ exclusive: true });
      const shared = await openStore();
      (await alone.watch(refOf(), () => undefined))();
      (await alone.onNudge('i1', () => undefined))();
      await redis.client.config('RESETSTAT');
      await alone.nudge('i1', refOf());
      expect([await pubsubs(), await calls('publish')]).to.deep.equal(['', 0]);
      await shared.watch(refOf(), () => undefined);
      expect(await pubsubs()).to.match(/ sub=1 /);
    });

    it('come over the connections that it is given', async () => {
      const like = createRedisClient(redis.server.address, () => undefined);
      const createSubscriber = () => {
        made += 1;
        return createSubscriberLike(like);
      };
      const [store, other] = [await openStore({ createSubscriber }), await openStore()];
      const heard: unknown[] = [];
      for (const ref of [refOf(), refOf('s2')]) await store.watch(ref, (head) => heard.push(head));
      await new Writer(other).create(['1']);
      await eventually(() => heard.length > 0);
      expect(made).to.equal(1);
    });

    it('fail nobody when there is no right to the channels', async () => {
      await redis.client.call('ACL', 'SETUSER', 'mute', 'on', '>pw', '~*', 'resetchannels', '+@all');
      const address = { ...redis.server.address, username: 'mute', password: 'pw' };
      const store = await openStore({}, address);
      const heard: unknown[] = [];
      const unwatch = await store.watch(refOf(), (head) => heard.push(head));
      const end = await store.onNudge('i1', (ref) => heard.push(ref));
      await new Writer(store).create(['1']);
      await store.beat('i1');
      expect((await store.instances()).map(({ instance }) => instance)).to.deep.equal(['i1']);
      for (const stop of [unwatch, end]) stop();
      expect(heard).to.deep.equal([]);
    });

    it('survive nonsense on their channels', async () => {
      const store = await openStore();
      const heard: unknown[] = [];
      await store.onNudge('i1', (ref) => heard.push(ref));
      const channel = `${redis.prefix}:1:{reg}:i:i1`;
      for (const message of ['', 'x', '{}', 'null', '[1,2]', '["a"]'])
        await redis.client.publish(channel, message);
      await store.nudge('i1', refOf());
      await eventually(() => heard.length > 0);
      expect(heard).to.deep.equal([refOf()]);
    });
  });
});
