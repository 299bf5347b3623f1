import { LRUCache } from 'lru-cache';
import type { DurationMs } from '../../protocol/units.ts';

const MINUTE_MS: DurationMs = 60_000;
const NAMES_MAX = 1_000;

/** What is told of each name at most once a minute. @returns whether it is to be told now */
export function createOnceAMinute(mono: () => DurationMs): (name: string) => boolean {
  const told = new LRUCache<string, DurationMs>({ max: NAMES_MAX });
  return (name) => {
    const now = mono();
    const last = told.get(name);
    if (last !== undefined && now - last < MINUTE_MS) return false;
    told.set(name, now);
    return true;
  };
}
