/** Servers die, freeze and are replaced. */
import { cancelSpans, followDelays, settleSpans, spread } from '../measures.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

/** From the architecture: with the usual settings, in which an instance is dead after 10 s. */
const SETTLED_WITHIN_MS = 15_000;
const CANCELED_WITHIN_MS = 2_000;

const settle = (world: World): void => {
  const spans = spread(settleSpans(world.history.operations, world.history.marks));
  world.measure('tasks of killed instances', spans.count, '');
  world.measure('settled after the kill, median', spans.medianMs);
  world.measure('settled after the kill, slowest', spans.maxMs, 'ms', SETTLED_WITHIN_MS);
};

export const threeInstances: Scenario = {
  name: 'three-instances',
  title: 'nothing breaks: three instances, one Redis',
  instances: 3,
  async run(world) {
    await world.pause(world.span(25_000, 6_000));
    const { operations } = world.history;
    const delays = spread(followDelays(operations));
    world.measure('events followed on another instance', delays.count, '');
    world.measure('behind the runner’s own listeners, median', delays.medianMs);
    world.measure('behind the runner’s own listeners, p95', delays.p95Ms);
    const cancels = spread(cancelSpans(operations));
    world.measure('cancels on another instance', cancels.count, '');
    world.measure('executor stopped after, median', cancels.medianMs);
    world.measure('executor stopped after, slowest', cancels.maxMs, 'ms', CANCELED_WITHIN_MS);
  },
};

export const instanceKilled: Scenario = {
  name: 'instance-killed',
  title: 'kill -9 of an instance, at random, ten times',
  instances: 3,
  // The full run measures with the setting that operators have.
  env: ({ isQuick }) => ({ A2A_DEAD_SECONDS: isQuick ? '2' : '10' }),
  async run(world) {
    for (let nth = 0; nth < world.times(10, 4); nth += 1) {
      const instance = world.fleet.at(world.random.below(world.fleet.instances.length));
      await world.fault('instance killed', async () => {
        await instance.kill9();
        await world.pause(world.random.below(world.span(2_000, 500)));
        await instance.start();
      });
      await world.pause(500 + world.random.below(world.span(5_000, 1_500)));
    }
    await world.pause(world.span(15_000, 4_000));
    settle(world);
  },
};

export const instancePaused: Scenario = {
  name: 'instance-paused',
  title: 'SIGSTOP of an instance for 10 s, then SIGCONT',
  instances: 3,
  env: ({ isQuick }) => ({ A2A_DEAD_SECONDS: isQuick ? '2' : '5' }),
  async run(world) {
    for (let nth = 0; nth < world.times(2, 1); nth += 1) {
      const instance = world.fleet.at(nth % world.fleet.instances.length);
      await world.fault('instance paused', async () => {
        instance.pause();
        await world.pause(world.span(10_000, 5_000));
        instance.resume();
      });
      await world.pause(world.span(8_000, 2_000));
    }
  },
};

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  title: 'rolling restart of three instances (SIGTERM)',
  instances: 3,
  async run(world) {
    for (let round = 0; round < world.times(2, 1); round += 1) {
      for (const instance of world.fleet.instances) {
        await world.fault('instance restarted', async () => {
          const code = await instance.stop();
          if (code !== 0) world.violation('exit code', instance.name, `${String(code)} after SIGTERM`);
          await instance.start();
        });
        await world.pause(world.span(4_000, 1_000));
      }
    }
  },
};

export const oneSession: Scenario = {
  name: 'one-session',
  title: 'two instances write one session at once',
  instances: 2,
  conversations: 50,
  shared: 25,
  async run(world) {
    world.load.pace = 0.6;
    await world.pause(world.span(60_000, 8_000));
  },
};

/** The reaper wakes while the runner does: an instance that has just been declared dead goes on with what it did. */
export const reaperRace: Scenario = {
  name: 'reaper-race',
  title: 'the reaper races the runner: pauses of about A2A_DEAD_SECONDS = 1',
  instances: 3,
  env: () => ({ A2A_DEAD_SECONDS: '1' }),
  async run(world) {
    for (let nth = 0; nth < world.times(15, 5); nth += 1) {
      const instance = world.fleet.at(nth % world.fleet.instances.length);
      await world.fault('instance paused', async () => {
        instance.pause();
        await world.pause(800 + world.random.below(900));
        instance.resume();
      });
      await world.pause(300 + world.random.below(1_200));
    }
  },
};
