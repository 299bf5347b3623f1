import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { type ProxiedRedis, proxiedRedis } from './topologies.ts';
import type { Direction, TcpProxy } from './tcp-proxy.ts';

const SERVERS = 3;
/** Each way: an answer is late, and comes in time. */
const SLOW_MS = 60;
/** Each way: no answer comes in time, and every command is run all the same. */
const TOO_SLOW_MS = 200;
/** Answers are 50 to 6,000 bytes long: some connections are cut as they begin, the others live for a moment. */
const CUT_AFTER_MIN_BYTES = 2_000;
const CUT_AFTER_MAX_BYTES = 12_000;

type Bad = readonly [name: string, make: (network: TcpProxy, world: World) => void];

const stopped = (direction: Direction, how: 'hold' | 'swallow'): Bad => [
  `half-open ${direction}, ${how === 'hold' ? 'delivered later' : 'lost'}`,
  (network) => {
    network[how](direction);
  },
];

const delayed = (name: string, ms: number): Bad => [
  name,
  (network) => {
    network.delay('toServer', ms);
    network.delay('toClient', ms);
  },
];

const BAD: readonly Bad[] = [
  delayed('slow', SLOW_MS),
  delayed('too slow', TOO_SLOW_MS),
  [
    'cut half-way',
    (network, { random }) => {
      network.cutAfter(
        'toClient',
        () => CUT_AFTER_MIN_BYTES + random.below(CUT_AFTER_MAX_BYTES - CUT_AFTER_MIN_BYTES),
      );
    },
  ],
  stopped('toClient', 'hold'),
  stopped('toClient', 'swallow'),
  stopped('toServer', 'hold'),
  [
    'refused',
    (network) => {
      network.refuse();
      network.drop();
    },
  ],
];

/** Of what happens to one connection after the other, the quick run takes the worst. */
const QUICK = ['too slow', 'cut half-way', 'half-open toClient, delivered later'];

function createBadNetwork(): Scenario {
  let stores: ProxiedRedis | undefined;
  return {
    name: 'bad-network',
    title: 'connections to Redis slow, cut half-way, half-open, refused (TCP proxy)',
    instances: SERVERS,
    // A server that is cut off for a moment is not dead.
    env: () => ({ A2A_DEAD_SECONDS: '10' }),
    topology: async () => (stores = await proxiedRedis(SERVERS)),
    envOf: (nth) => ({ REDIS_URL: stores?.urlFrom(nth) ?? '' }),
    async run(world) {
      const { networks } = world.topology as ProxiedRedis;
      const all = BAD.filter(([name]) => !world.isQuick || QUICK.includes(name));
      for (const [nth, [name, make]] of all.entries()) {
        // One server alone, then two, then all: what some cannot write, others do.
        const hit = networks.slice(0, 1 + (nth % networks.length));
        const mark = (kind: 'cut' | 'joined'): void => {
          for (const at of hit.keys()) world.history.mark({ kind, instance: world.fleet.at(at).incarnation });
        };
        await world.fault(`${name}, ${hit.length} of ${networks.length} servers`, async () => {
          mark('cut');
          for (const network of hit) make(network, world);
          await world.pause(world.span(6_000, 2_500));
          await Promise.all(hit.map((network) => network.heal()));
          mark('joined');
        });
        await world.pause(world.span(4_500, 2_500));
      }
      const cuts = networks.reduce((sum, network) => sum + network.cuts, 0);
      world.measure('connections cut half-way', cuts, '');
      if (cuts === 0) world.violation('limit', 'network', 'cut nothing: the fault did not take place');
    },
  };
}

export const badNetwork = createBadNetwork();
