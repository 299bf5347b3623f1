import type { Redis } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import type { RedisServer } from '../../../tests/helpers/redis.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { type SentinelTrio, sentinelTrio } from './topologies.ts';

const RECOVERED_WITHIN_MS: DurationMs = 6_000;
/** A failover of the tests takes two to four seconds; nothing is promised of that. */
const WRITES_STOP_MS = 30_000;
const LAG_MS: DurationMs = 2_000;

/** The master is killed when `prepare` is done; a replica takes its place, and it comes back as one. */
async function failOver(
  world: World,
  name: string,
  prepare: (master: RedisServer) => Promise<void>,
): Promise<void> {
  const { trio } = world.topology as SentinelTrio;
  await trio.inSync();
  await world.fault(name, async () => {
    const old = await trio.master();
    await prepare(old);
    const began = performance.now();
    await old.kill();
    await trio.promoted(old);
    world.measure('until a replica was promoted', performance.now() - began);
  });
}

async function comeBack(world: World): Promise<void> {
  const { trio } = world.topology as SentinelTrio;
  await world.pause(world.span(6_000, 3_000));
  await trio.comeBack();
  await world.pause(world.span(3_000, 0));
}

async function withClient<T>(server: RedisServer, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = server.client();
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

export const promotedSynced: Scenario = {
  name: 'sentinel-promoted',
  title: 'replica promoted (Sentinel), in sync with the master that was killed',
  instances: 3,
  topology: sentinelTrio,
  recoveredWithinMs: RECOVERED_WITHIN_MS,
  async run(world) {
    const { trio } = world.topology as SentinelTrio;
    for (let nth = 0; nth < world.times(2, 1); nth += 1) {
      await failOver(world, 'master killed', async (master) => {
        // Nothing is written that the replica does not have: the servers meet a master that hangs.
        await withClient(master, (client) => client.call('CLIENT', 'PAUSE', WRITES_STOP_MS, 'WRITE'));
        await trio.inSync();
      });
      await comeBack(world);
    }
  },
};

export const promotedUnsynced: Scenario = {
  name: 'sentinel-promoted-unsynced',
  title: 'replica promoted (Sentinel) that lacks the last two seconds',
  instances: 3,
  topology: sentinelTrio,
  recoveredWithinMs: RECOVERED_WITHIN_MS,
  excepted: {
    kind: 'unsynced',
    withinMs: LAG_MS + 1_000,
    why:
      'Redis had acknowledged writes that no replica had when the master was lost. Servers offer again what they still ' +
      'hold of the last minute; what a server that is gone had written is lost.',
  },
  async run(world) {
    await failOver(world, 'master killed, replica behind', async (master) => {
      await withClient(master, async (client) => {
        // The replica loses its connection and is not let in again; everybody else is.
        await client.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
        await client.call('CLIENT', 'KILL', 'TYPE', 'replica');
      });
      await world.pause(LAG_MS);
    });
    await comeBack(world);
  },
};
