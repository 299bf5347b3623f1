import type { DurationMs } from '../../protocol/units.ts';
import type { Clock } from './session-parts.ts';
import { StoreUnavailableError } from './session-store.ts';

/**
 * What is asked of the store in several steps, within one span: each of them may take as long as it may, and a request
 * waits once in all.
 *
 * @param deadline monotonic moment
 * @throws {StoreUnavailableError} when it is over before `work` is done; what comes of that is nobody's any more
 */
export async function within<T>(clock: Clock, deadline: DurationMs, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new StoreUnavailableError('the store took too long in all', { counts: false }));
      },
      Math.max(0, deadline - clock.mono()),
    ).unref();
  });
  try {
    return await Promise.race([work, isOver]);
  } finally {
    clearTimeout(timer);
  }
}
