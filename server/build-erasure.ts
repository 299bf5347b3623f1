/** Erasure: as an admin asks a server for it, and as the command does it. */
import { StartError } from './backend.ts';
import { buildSealer } from './build-sealing.ts';
import { buildStore } from './build-store.ts';
import type { Config } from './config.ts';
import { createMetrics } from './observability/metrics.ts';
import { Eraser } from './sessions/eraser.ts';
import type { SessionStore } from './sessions/session-store.ts';

export function buildEraser(store: SessionStore, config: Config): Eraser {
  const { scope, sessionTtlMs: ttlMs, deadMs } = config;
  return new Eraser({ store, scope, ttlMs, deadMs, mono: () => performance.now() });
}

/**
 * In the store that is configured, from beside the servers that use it.
 *
 * @throws {StartError} it is away, in use, or set up with other settings @throws {ConfigError}
 */
export async function openEraser(
  config: Config,
  pid: number,
): Promise<{ readonly erase: Eraser['erase']; readonly close: () => Promise<void> }> {
  if (config.store.kind === 'memory')
    throw new StartError(
      'A2A_STORE is memory, which ends with its process: there is nothing to erase from here',
    );
  const context = { config, log: () => undefined, metrics: createMetrics(), now: Date.now, pid };
  const built = await buildStore(context, await buildSealer(context)).catch((error: unknown) => {
    if (!(error instanceof StartError) || config.store.kind !== 'lmdb') throw error;
    throw new StartError(`${error.message}; a running server erases by POST /admin/erasures`, {
      cause: error,
    });
  });
  try {
    await built.start();
    if (built.breaker.state === 'open')
      throw new StartError(
        built.because(`the store at ${built.breaker.location} is away: nothing is erased`),
      );
  } catch (error) {
    await built.close();
    throw error;
  }
  const eraser = buildEraser(built.breaker, config);
  return { erase: (target) => eraser.erase(target), close: () => built.close() };
}
