import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits for a condition instead of for a time: asks again until `check` neither throws nor answers false.
 *
 * @throws the last error of `check`, or that it stayed false, once `withinMs` are over
 */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 5_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      const value = await check();
      if (value !== false) return value;
      if (performance.now() > deadline)
        throw new Error(`still not so after ${withinMs} ms: ${String(check)}`);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await pause(5);
  }
}
