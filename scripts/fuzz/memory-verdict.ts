/** Whether a server holds more and more. */
import type { Holdings } from '../soak/soaked-server.ts';

const MB = 1024 * 1024;
/** What a process may hold more at the end than after a fifth of the run: caches fill, and code is compiled. */
const BOUNDS = {
  heapUsed: { share: 1.25, more: 24 * MB },
  rss: { share: 1.3, more: 96 * MB },
  external: { share: 1.25, more: 32 * MB },
} as const;

export const EARLY_SHARE = 0.2;

/** @param looks after each portion of the run, in order @returns what has grown out of bounds; empty when nothing */
export function growth(looks: readonly Holdings[]): string[] {
  const early = looks[Math.floor((looks.length - 1) * EARLY_SHARE)];
  const late = looks.at(-1);
  if (early === undefined || late === undefined) return [];
  return Object.entries(BOUNDS).flatMap(([kind, { share, more }]) => {
    const [was, is] = [early[kind as keyof typeof BOUNDS], late[kind as keyof typeof BOUNDS]];
    return is <= was * share + more ? [] : [`${kind} grew from ${inMb(was)} to ${inMb(is)}`];
  });
}

export const inMb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;
