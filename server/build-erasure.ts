/** Erasure: as an admin asks a server for it, and as the command does it. */
import { StartError } from './backend.ts';
import { openAccess } from './build-access.ts';
import type { Config } from './config.ts';
import { Eraser } from './sessions/eraser.ts';
import type { SessionStore } from './sessions/session-store.ts';

export function buildEraser(store: SessionStore, config: Config): Eraser {
  const { scope, sessionTtlMs: ttlMs, deadMs } = config;
  return new Eraser({ store, scope, ttlMs, deadMs, mono: () => performance.now() });
}

/**
 * In the store that is configured, from beside the servers that use it: it is no instance, and nobody waits for it.
 *
 * @throws {StartError} it is away, in use, or set up with other settings @throws {ConfigError}
 */
export async function openEraser(
  config: Config,
  pid: number,
): Promise<{ readonly erase: Eraser['erase']; readonly close: () => Promise<void> }> {
  const access = await openAccess({ config, writes: true, now: Date.now, pid }).catch((error: unknown) => {
    if (!(error instanceof StartError) || config.store.kind !== 'lmdb') throw error;
    throw new StartError(`${error.message} A running server erases by POST /admin/erasures`, {
      cause: error,
    });
  });
  const eraser = buildEraser(access.store, config);
  return { erase: (target) => eraser.erase(target), close: () => access.close() };
}
