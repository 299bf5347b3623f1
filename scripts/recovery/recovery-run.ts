import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DurationMs } from '../../protocol/units.ts';
import { KilledServer } from './killed-server.ts';
import { observe } from './observe.ts';
import { judge, type Verdict } from './recovery-checker.ts';
import type { RecoveryOptions } from './recovery-options.ts';
import { openStore } from './store-under-test.ts';
import { talk, type TalkWatcher } from './talk.ts';

export interface RecoveryReport extends Verdict {
  readonly retries: number;
  /** While clients were talking; one more came before the check. */
  readonly kills: number;
  /** Answers that said they were not in the store yet. */
  readonly deferred: number;
  /** Log event -> how often the server warned of it. */
  readonly warnings: ReadonlyMap<string, number>;
  /** One for each start. */
  readonly firstAnswers: readonly DurationMs[];
  readonly tookMs: DurationMs;
}

/** One run, from an empty store to the verdict. Leaves nothing behind, also when the process ends in the middle. */
export async function runRecovery(options: RecoveryOptions, watcher: TalkWatcher): Promise<RecoveryReport> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-recovery-'));
  const removeFolder = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeFolder);
  const store = await openStore(options.store, folder);
  // Dead soon: the repeat of what a killed server was at waits for that.
  const server = new KilledServer({ ...store.env, A2A_DEAD_SECONDS: '2' }, folder);
  try {
    const { sent, tally } = await Promise.race([talk(options, server, watcher), server.failed]);
    const { kills } = server;
    // The last answers have only just been given: they too have to be in the store.
    await server.kill();
    const stored = await store.read();
    await server.start();
    server.open();
    const observed = await Promise.race([observe(sent, server), server.failed]);
    return {
      ...judge({ sent, stored, ...observed }),
      retries: tally.retries,
      deferred: tally.deferred,
      kills,
      warnings: server.warnings,
      firstAnswers: server.firstAnswers,
      tookMs: performance.now() - startedAt,
    };
  } finally {
    await server.stop();
    await store.stop();
    removeFolder();
    process.off('exit', removeFolder);
  }
}
