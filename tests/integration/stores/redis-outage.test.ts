import { join } from 'node:path';
import { expect } from 'chai';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { createRedisClient, type RedisClient } from '../../../server/stores/redis/client.ts';
import { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { StoreTimeoutError } from '../../../server/stores/store-timeout-error.ts';
import { HOUR, Writer, createOf, errorOf, readFound, refOf, requestAt } from '../../contract/harness.ts';
import { REDIS_OPTIONS } from '../../contract/redis-harness.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startRedis } from '../../helpers/redis.ts';
import type { RedisServer } from '../../helpers/redis.ts';

const SECRET = 'the words of a user';

describe('the redis store when redis cannot serve', () => {
  let server: RedisServer;
  let store: RedisSessionStore;
  let up: boolean[];
  let messages: string[];

  beforeEach(async () => {
    server = await startRedis({ appendonly: true });
    messages = [];
    up = [];
    const client = createRedisClient(server.address, (message) => messages.push(message));
    store = new RedisSessionStore(client, REDIS_OPTIONS);
    store.onConnection((state) => up.push(state));
    store.connect();
    await eventually(() => up.at(-1) === true);
  });
  afterEach(async () => {
    await store.close();
    await server.stop();
  });

  const expectUnavailable = async (
    promise: Promise<unknown>,
    type: new (...args: never[]) => Error = StoreUnavailableError,
  ) => {
    const error = await errorOf(promise);
    expect(error).to.be.instanceOf(type);
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(
      JSON.stringify([
        error,
        error.cause,
        String(error),
        String(error.cause),
        Object.values(error.cause ?? {}),
      ]),
    ).to.not.include(SECRET);
  };

  it('says so at once when it is gone, tells when the connection goes and comes, and serves again', async () => {
    const writer = await new Writer(store).create([`"${SECRET}"`]);
    await server.kill();
    await eventually(() => up.at(-1) === false);
    const began = performance.now();
    await expectUnavailable(store.read(writer.ref));
    await expectUnavailable(store.commit(writer.ref, requestAt(writer.cursor, 2, [`"${SECRET}"`])));
    await expectUnavailable(store.resolveAlias('acme', 'ann', 'x'));
    await expectUnavailable(store.beat('i1'));
    expect(performance.now() - began).to.be.below(250);
    await server.start();
    await eventually(() => up.at(-1) === true);
    await writer.append(['2']);
    expect((await readFound(store, writer.ref)).tail.records).to.have.length(2);
    expect(messages.join()).to.not.include(SECRET);
  });

  it('connects to a server that comes up later', async () => {
    await store.close();
    await server.kill();
    up = [];
    store = new RedisSessionStore(
      createRedisClient(server.address, () => undefined),
      REDIS_OPTIONS,
    );
    store.onConnection((state) => up.push(state));
    store.connect();
    await eventually(() => up.includes(false));
    await expectUnavailable(store.read(refOf()));
    await server.start();
    await eventually(() => up.at(-1) === true);
    await new Writer(store).create();
  });

  it('reads whole sessions before its connection for large answers is back', async () => {
    const writer = await new Writer(store).create(['1']);
    const nobody = { ...server.address, at: { path: join(server.folder, 'nobody.sock') } };
    const [client, bulk] = [server.address, nobody].map((address) =>
      createRedisClient(address, () => undefined),
    ) as [RedisClient, RedisClient];
    const half = new RedisSessionStore(client, REDIS_OPTIONS, bulk);
    const isUp = new Promise<void>((resolve) => {
      half.onConnection((state) => {
        if (state) resolve();
      });
    });
    half.connect();
    await isUp;
    const reading = readFound(half, writer.ref);
    await reading.finally(() => half.close());
    expect((await reading).tail.records).to.have.length(1);
  });

  it('gives up after 250 ms when it hangs, and leaves the connection', async () => {
    const writer = await new Writer(store).create(['1']);
    server.pause();
    const began = performance.now();
    await expectUnavailable(
      store.commit(writer.ref, requestAt(writer.cursor, 2, [`"${SECRET}"`])),
      StoreTimeoutError,
    );
    expect(performance.now() - began).to.be.within(200, 1_000);
    await eventually(() => up.at(-1) === false);
    server.resume();
    await eventually(() => up.at(-1) === true);
    // whether the timed-out commit ran is known only by sending it again
    const again = await store.commit(writer.ref, requestAt(writer.cursor, 2, [`"${SECRET}"`]));
    expect(['ok', 'stored']).to.include(again.outcome);
    expect((await readFound(store, writer.ref)).cursor.head).to.equal(2);
  });

  it('keeps the connection it makes after one that was lost with a command under way', async () => {
    const writer = await new Writer(store).create(['1']);
    server.pause();
    const lost = expectUnavailable(store.read(writer.ref));
    await server.kill();
    await lost;
    await server.start();
    await eventually(() => up.at(-1) === true);
    const before = up.length;
    const began = performance.now();
    // longer than what gives up a connection that hangs
    await eventually(async () => {
      await store.read(writer.ref);
      return performance.now() - began > 1_100;
    });
    expect(up.slice(before)).to.deep.equal([]);
  });

  it('calls a full memory unavailable, and still removes', async () => {
    const writer = await new Writer(store).create(['1']);
    const cli = server.client();
    await cli.config('SET', 'maxmemory', '1');
    await expectUnavailable(store.commit(writer.ref, requestAt(writer.cursor, 2, [`"${SECRET}"`])));
    await expectUnavailable(store.commit(refOf('s2'), createOf('e2', [`"${SECRET}"`])));
    expect((await readFound(store, writer.ref)).cursor).to.deep.equal(writer.cursor);
    expect(await store.remove(writer.ref, HOUR)).to.equal('removed');
    expect(await store.read(writer.ref)).to.have.nested.property('tombstone.epoch', 'e1');
  });

  it('calls a server that became a replica unavailable, and reconnects', async () => {
    const writer = await new Writer(store).create(['1']);
    const cli = server.client();
    await cli.replicaof('127.0.0.1', 1);
    const before = up.length;
    await expectUnavailable(store.commit(writer.ref, requestAt(writer.cursor, 2, [`"${SECRET}"`])));
    await eventually(() => up.length > before);
    await cli.replicaof('NO', 'ONE');
    await eventually(() => store.beat('i1').then(() => true));
    await writer.append(['2']);
  });

  it('calls a wrong password unavailable, without showing it', async () => {
    const cli = server.client();
    await cli.config('SET', 'requirepass', 'right');
    const client = createRedisClient({ ...server.address, password: 'wr0ng' }, (message) =>
      messages.push(message),
    );
    const refused = new RedisSessionStore(client, REDIS_OPTIONS);
    refused.connect();
    await eventually(() => messages.some((message) => message.includes('WRONGPASS')));
    await expectUnavailable(refused.read(refOf()));
    expect(messages.join()).to.not.include('wr0ng');
    await refused.close();
  });

  for (const { title, refuse, db, why } of [
    {
      title: 'there is no database of this number',
      refuse: () => Promise.resolve(),
      db: 99,
      why: /DB index is out of range/,
    },
    {
      title: 'the user may not choose one',
      refuse: () => server.client().call('ACL', 'SETUSER', 'default', '-select'),
      db: 2,
      why: /NOPERM|no permissions/,
    },
  ])
    it(`stays away instead of using database 0, where ${title}`, async () => {
      const cli = server.client();
      await refuse();
      const client = createRedisClient({ ...server.address, db }, (message) => messages.push(message));
      const astray = new RedisSessionStore(client, REDIS_OPTIONS);
      astray.connect();
      await eventually(() => messages.filter((message) => why.test(message)).length > 1);
      await expectUnavailable(astray.commit(refOf('s9'), createOf('e9', [`"${SECRET}"`])));
      expect(await cli.keys('*s9')).to.deep.equal([]);
      await astray.close();
    });
});
