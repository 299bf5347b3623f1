/**
 * Random interleavings of everything that may happen between several instances and one store: commits, lost answers,
 * attempts that run after they were given up, retries that grew meanwhile, deletions, new beginnings. HOLDFAST_SEED
 * repeats a run's decisions (not the timing of the machine).
 */
import { expect } from 'chai';
import { RecordSealer } from '../../server/security/record-sealer.ts';
import { RedisSessionStore } from '../../server/stores/redis/redis-store.ts';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import { SealedStore } from '../../server/stores/sealed/sealed-store.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { useRedis } from '../helpers/redis.ts';
import { keySet, toKeys } from '../helpers/sealing.ts';
import { plainFold, readAll, refOf } from '../helpers/sessions.ts';
import { Random } from './model/random.ts';
import { withNewIdentities } from './model/tapped-store.ts';
import { judge, journalsOf, textOf, type Violations } from './model/verdict.ts';
import { World } from './model/world.ts';

const MESSAGES = 1_000;

describe('many instances on one real store where everything goes wrong', () => {
  const redis = useRedis();
  let world: World | undefined;
  const plain = (store: SessionStore): SessionStore => store;
  let seal = plain;

  const connect = async (): Promise<SessionStore> => {
    const client = createRedisClient(redis.server.address, () => undefined);
    await client.connect();
    const store = new RedisSessionStore(client, {
      prefix: redis.prefix,
      buckets: 1,
      exclusive: false,
      indexTtlMs: 86_400_000,
      location: 'redis',
    });
    return seal(store);
  };

  const run = async (seed: number, decorate?: (store: SessionStore) => SessionStore): Promise<Violations> => {
    const random = new Random(seed);
    const options = { random, managers: 4, sessions: 4, messages: MESSAGES, connect };
    world = await World.open(decorate === undefined ? options : { ...options, decorate });
    await world.run();
    await world.settle();
    const live = new Map<string, string>();
    for (const sessionId of world.sessionIds) {
      const read = await world.stores[0]!.read(refOf(sessionId));
      if (read.found) live.set(sessionId, read.cursor.epoch);
    }
    return judge(world.history, live);
  };

  afterEach(async () => {
    await world?.close();
    world = undefined;
    seal = plain;
  });

  const sum = (pick: (store: World['stores'][number]) => number): number =>
    world!.stores.reduce((total, store) => total + pick(store), 0);
  const outcomes = (name: string): number =>
    world!.managers.reduce((total, { counters }) => total + counters.of(`commit ${name}`), 0);

  /** Retries that offered more than the attempt before them. */
  const grown = (): number =>
    sum(({ requests }) => {
      const offered = new Map<number, number>();
      return requests.filter(({ records }) => {
        const first = records[0]?.seq ?? 0;
        const before = offered.get(first);
        offered.set(first, records.length);
        return before !== undefined && records.length > before;
      }).length;
    });

  const keepsAll = async (): Promise<void> => {
    const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000_007);
    try {
      const violations = await run(seed);
      expect(violations).to.deep.equal({
        lost: [],
        duplicated: [],
        revived: [],
        invented: [],
        disordered: [],
        identities: [],
      });
      for (const sessionId of world!.sessionIds) {
        const records = await readAll(world!.stores[0]!, refOf(sessionId));
        const stored = records.map(({ json }) => textOf(json ?? '')).filter((text) => text !== undefined);
        const [first, ...others] = (await world!.folds(sessionId)).map((fold) => fold && plainFold(fold));
        for (const other of others) expect(other).to.deep.equal(first);
        const journal = journalsOf(world!.history.written).filter((j) => j.sessionId === sessionId);
        if (records.length > 0) expect(journal.map(({ texts }) => texts)).to.deep.include(stored);
      }
      for (const { manager } of world!.managers) {
        expect(manager.pending.records).to.equal(0);
        expect(manager.pending.bytes).to.equal(0);
        expect(manager.stats.inUse).to.equal(0);
      }
      expect(
        sum(({ faults }) => faults.lose),
        'lost answers',
      ).to.be.above(50);
      expect(
        sum(({ faults }) => faults.late),
        'late attempts',
      ).to.be.above(50);
      expect(
        sum(({ wroteLate }) => wroteLate),
        'late attempts that wrote',
      ).to.be.above(5);
      expect(grown(), 'retries that grew').to.be.above(5);
      expect(outcomes('stored'), 'attempts recognised').to.be.above(20);
      expect(outcomes('moved'), 'lost races').to.be.above(20);
      expect(outcomes('gone'), 'commits to a dead session').to.be.above(2);
      expect(outcomes('exists'), 'sessions begun twice').to.be.above(2);
      expect(world!.history.removals.length, 'deletions').to.be.above(5);
    } catch (error) {
      console.error(`HOLDFAST_SEED=${seed}`);
      throw error;
    }
  };

  it('keeps every acknowledged record once, in one order, and revives nothing', keepsAll).timeout(60_000);

  it('does so with all of it sealed, too, amid a rotation: half of the instances have another key', async () => {
    let opened = 0;
    seal = (store) => {
      const active = opened++ % 2 === 0 ? ['k1', 'k2'] : ['k2', 'k1'];
      const keys = toKeys(keySet(...(active as [string, string])));
      const sealer = new RecordSealer({ keys, required: true, compressAboveBytes: 128 });
      return new SealedStore(store, sealer, ({ failure }) => {
        throw new Error(`does not open: ${failure}`);
      });
    };
    await keepsAll();
    expect(opened).to.be.above(3);
  }).timeout(60_000);

  it('would notice: with a new identity for every retry records are there twice', async () => {
    const violations = await run(1, withNewIdentities);
    expect(violations.duplicated.length).to.be.above(10);
  }).timeout(60_000);
});
