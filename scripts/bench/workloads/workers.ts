import { sendCall } from '../call.ts';
import { CONNECTIONS } from '../rounds.ts';
import { Contender } from '../contenders.ts';
import { drive } from '../load.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import { NotAvailableError, type Workload } from '../workload.ts';

const WORKERS = [1, 2, 4];
const ROUNDS = 4;

async function run(rig: Rig): Promise<void> {
  rig.say('workers: 1, 2 and 4 processes');
  const fleets: [number, Contender][] = [];
  for (const count of WORKERS) {
    const env = { A2A_WORKERS: String(count) };
    try {
      fleets.push([count, await Contender.start(names.REDIS, rig, env, rig.machine.on('both'))]);
    } catch (error) {
      // Refused as a variable that nobody knows.
      const [, why] = /A2A_WORKERS: (.*)$/m.exec(String(error)) ?? [];
      if (why !== undefined) throw new NotAvailableError(`of workers the server says that it ${why}`);
      throw error;
    }
  }
  const load = (url: string, seconds: number) =>
    drive({ url, call: sendCall(200), connections: CONNECTIONS, seconds }, rig.folder);
  for (const [count, { url }] of fleets) await load(url, rig.seconds(count === 4 ? 8 : 6));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [count, { url, server }] of fleets) {
      const before = server.cpuMs;
      const result = await load(url, rig.seconds(3));
      const after = server.cpuMs;
      const place = {
        workload: names.WORKERS,
        variant: names.ALL_WORKERS,
        contender: names.workersOf(count),
      };
      rig.book.add(place, 'rate', result.perSecond);
      rig.book.add(place, 'p99', result.p99Ms);
      if (before !== undefined && after !== undefined)
        rig.book.add(place, 'cpu', ((after - before) * 1_000) / result.requests);
    }
  }
}

export const workers: Workload = {
  name: names.WORKERS,
  title: 'Worker processes',
  note:
    'One address, 1, 2 and 4 processes behind it, one Redis; blocking sends of 200 B. Servers, Redis and the load share ' +
    'the same two cores here, so that two workers cannot be twice one. CPU time is that of all processes of the server.',
  base: names.workersOf(1),
  contenders: [names.REDIS],
  chart: 'rate',
  run,
};
