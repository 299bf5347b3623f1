import { StartError, type BackendContext } from './backend.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import { DataFolderLockedError } from './stores/lmdb/data-folder-lock.ts';
import { LmdbOutageJournal } from './stores/lmdb/outage-journal.ts';

const mono = (): number => performance.now();

/**
 * The outage journal, where one is configured.
 *
 * @throws {StartError} when its folder is locked or cannot be written
 */
export async function buildOutageJournal({
  config,
  log,
  pid,
}: BackendContext): Promise<OutageJournal | undefined> {
  if (config.outageJournal === undefined) return undefined;
  const { folder, sync } = config.outageJournal;
  const onFailure = (error: unknown): void => {
    log('outage_journal_failed', { folder }, error);
  };
  try {
    return await LmdbOutageJournal.open({ folder, sync, pid, mono, onFailure });
  } catch (cause) {
    const why =
      cause instanceof DataFolderLockedError
        ? `is in use by process ${cause.pid}: stop it, or set A2A_OUTAGE_JOURNAL_DIR to another folder`
        : `cannot be used (${cause instanceof Error ? cause.message : String(cause)}): set A2A_OUTAGE_JOURNAL_DIR to a writable one`;
    throw new StartError(`outage journal folder ${folder} ${why}`, { cause });
  }
}
