import { ITEM, sendCall } from '../call.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import { measureRounds } from '../rounds.ts';
import type { Workload } from '../workload.ts';

const STORES = [names.REDIS, names.LMDB, names.MEMORY, names.WHOLE, names.SDK, names.SQLITE];
const ALL = [...STORES, names.EXPRESS, names.NODE];
/** What a short run can fail by, and the bare front: few, so that there is time to warm them up as in a whole run. */
const QUICK = [names.REDIS, names.SDK, names.NODE];
const LIVE_SESSIONS = 1_000;
/** Bytes of text, and for how long: the large ones fill memory fast. */
const LARGER = [
  [2_000, 2],
  [32_000, 1],
] as const;

async function run(rig: Rig): Promise<void> {
  const contenders = await Contender.startAll(rig.isQuick ? QUICK : ALL, rig);
  const begun = { workload: names.SEND, mayEmpty: true };
  await measureRounds(rig, contenders, {
    ...begun,
    variant: names.sendOf(200),
    call: () => sendCall(200),
    rounds: 5,
    seconds: rig.seconds(rig.isQuick ? 2 : 3),
    warmUpSeconds: rig.seconds(rig.isQuick ? 8 : 6),
  });
  if (rig.isQuick) return;
  for (const [bytes, seconds] of LARGER) {
    await measureRounds(rig, contenders, {
      ...begun,
      variant: names.sendOf(bytes),
      call: () => sendCall(bytes),
      rounds: 3,
      seconds: rig.seconds(seconds),
      warmUpSeconds: 1,
    });
  }
  const ids = Array.from({ length: LIVE_SESSIONS }, (_, n) => `live-${n}`);
  await measureRounds(
    rig,
    contenders.filter(({ name }) => STORES.includes(name)),
    {
      workload: names.SEND,
      variant: names.LIVE,
      call: () => sendCall(200, ITEM, ids),
      rounds: 3,
      seconds: rig.seconds(2),
      warmUpSeconds: 1,
    },
  );
}

export const send: Workload = {
  name: names.SEND,
  title: 'Blocking send',
  note:
    'A message goes in, the task comes back completed with one artifact that echoes it. Over 32 connections. The last ' +
    'two rows store nothing: they are what the front alone costs.',
  base: names.SDK,
  contenders: ALL,
  quickContenders: QUICK,
  chart: 'rate',
  run,
};
