import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';

const TICK_MS: DurationMs = 5;
/** More at once, and the server has fallen behind: what was due is then left out, and counted. */
const IN_FLIGHT_MAX = 400;

/** As much as the server takes from so many clients at once. @returns operations per second */
export async function atFullSpeed(
  work: () => Promise<void>,
  clients: number,
  forMs: DurationMs,
): Promise<number> {
  const began = performance.now();
  let count = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - began < forMs) {
      await work();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return count / ((performance.now() - began) / 1000);
}

/**
 * So many operations begun per second, however long the answers take. Resolves when all are answered.
 *
 * @param work never rejects
 * @returns how many were not begun, because too many had no answer yet
 */
export async function atRate(
  work: () => Promise<void>,
  perSecond: number,
  forMs: DurationMs,
  signal: AbortSignal,
): Promise<number> {
  const began = performance.now();
  const inFlight = new Set<Promise<void>>();
  let begun = 0;
  let leftOut = 0;
  for (let spent = 0; spent < forMs && !signal.aborted; spent = performance.now() - began) {
    for (const due = (spent * perSecond) / 1000; begun + leftOut < due;) {
      if (inFlight.size >= IN_FLIGHT_MAX) {
        leftOut += 1;
        continue;
      }
      begun += 1;
      const working: Promise<void> = work().finally(() => inFlight.delete(working));
      inFlight.add(working);
    }
    await pause(TICK_MS);
  }
  await Promise.all(inFlight);
  return leftOut;
}
