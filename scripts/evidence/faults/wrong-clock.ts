import type { Env } from '../fleet.ts';
import type { Scenario } from '../scenario.ts';
import { type SingleRedis, singleRedis } from '../topology.ts';
import type { World } from '../world.ts';

const OFF_MS = 15 * 60_000;
/** Its log says what time it takes it to be; the process was started some seconds ago. */
const NEAR_MS = 60_000;
const PRELOAD = new URL('clock-shift.mjs', import.meta.url).href;
/** The server whose clock is wrong. */
const WRONG = 1;

/** Everything in which a moment of one server meets that of another: lives of sessions, heartbeats, what was deferred. */
async function run(world: World, shiftMs: number): Promise<void> {
  const { redis } = world.topology as SingleRedis;
  await world.fault('redis frozen', async () => {
    redis.pause();
    await world.pause(world.span(5_000, 2_000));
    redis.resume();
  });
  await world.pause(world.span(5_000, 2_000));
  await world.fault('a server killed', async () => {
    await world.fleet.at(0).kill9();
    // Until the others, one of them with a wrong clock, have taken it for dead.
    await world.pause(world.span(14_000, 3_000));
    await world.fleet.at(0).start();
  });
  await world.pause(world.span(4_000, 1_000));
  if (!world.isQuick) {
    await world.fault('the server with the wrong clock killed', async () => {
      await world.fleet.at(WRONG).kill9();
      await world.pause(3_000);
      await world.fleet.at(WRONG).start();
    });
    await world.pause(4_000);
  }
  const told = world.fleet.at(WRONG).logs.of('server_listening')[0]?.time ?? '';
  const offMs = Date.parse(told) - Date.now();
  if (!(Math.abs(offMs - shiftMs) < NEAR_MS))
    world.violation('limit', world.fleet.at(WRONG).name, `its clock is ${offMs} ms off, not ${shiftMs}`);
}

const createWrongClock = (name: string, title: string, shiftMs: number): Scenario => ({
  name,
  title,
  instances: 3,
  topology: () => singleRedis(),
  clocksDiffer: true,
  envOf: (nth): Env =>
    nth === WRONG ? { NODE_OPTIONS: `--import=${PRELOAD}`, HOLDFAST_CLOCK_SHIFT_MS: String(shiftMs) } : {},
  run: (world) => run(world, shiftMs),
});

export const clockAhead = createWrongClock(
  'clock-ahead',
  'clock of one of three instances 15 minutes ahead',
  OFF_MS,
);
export const clockBehind = createWrongClock(
  'clock-behind',
  'clock of one of three instances 15 minutes behind',
  -OFF_MS,
);
