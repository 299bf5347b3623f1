import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError, type SessionsContext } from './backend.ts';
import { buildSealer } from './build-sealing.ts';
import type { Config } from './config.ts';
import type { RecordSealer } from './security/record-sealer.ts';
import type { OutageJournal } from './sessions/outage-journal.ts';
import { DataFolderLockedError } from './stores/lmdb/data-folder-lock.ts';
import { LmdbOutageJournal, OUTAGE_FILE } from './stores/lmdb/outage-journal.ts';
import { OutageSealError } from './stores/lmdb/outage-rows.ts';

type OutageFolder = NonNullable<Config['outageJournal']>;

const mono = (): number => performance.now();

/**
 * The outage journal, where one is configured.
 *
 * @throws {StartError} when its folder is locked or cannot be written, or what is there does not open
 */
export async function buildOutageJournal(
  { config, log, pid }: SessionsContext,
  sealer: RecordSealer,
): Promise<OutageJournal | undefined> {
  if (config.outageJournal === undefined) return undefined;
  const { folder } = config.outageJournal;
  const onFailure = (error: unknown): void => {
    log('outage_journal_failed', { folder }, error);
  };
  return openIn(config.outageJournal, pid, sealer, onFailure);
}

async function openIn(
  { folder, sync }: OutageFolder,
  pid: number,
  sealer: RecordSealer,
  onFailure: (error: unknown) => void,
): Promise<LmdbOutageJournal> {
  try {
    return await LmdbOutageJournal.open({ folder, sync, pid, mono, sealer, onFailure });
  } catch (cause) {
    throw new StartError(`outage journal folder ${folder} ${whyNotOpen(cause)}`, { cause });
  }
}

function whyNotOpen(cause: unknown): string {
  if (cause instanceof DataFolderLockedError)
    return `is in use by process ${cause.pid}: stop it, or set A2A_OUTAGE_JOURNAL_DIR to another folder`;
  if (cause instanceof OutageSealError) return cause.message;
  const why = cause instanceof Error ? cause.message : String(cause);
  return `cannot be used (${why}): set A2A_OUTAGE_JOURNAL_DIR to a writable one`;
}

const WORKER_FOLDER = /^worker-(\d+)$/;

/** Where one of several workers has its journal. It is that of its number, so its successor reads what it has left. */
export const outageFolderOf = ({ folder, sync }: OutageFolder, worker: number): OutageFolder => ({
  folder: join(folder, `worker-${worker}`),
  sync,
});

/**
 * What waits in a folder that no process of this start reads would wait there for ever, and nobody would know. A number
 * of workers that is another one than last time is fine as long as nothing waits.
 *
 * @throws {StartError} that names the first folder in which something waits
 */
export async function refuseUnreadJournals(config: Config, pid: number): Promise<void> {
  const { outageJournal: own, workers } = config;
  if (own === undefined) return;
  const names = await readdir(own.folder).catch(() => []);
  const unread = names.flatMap((name) => {
    const number = Number(WORKER_FOLDER.exec(name)?.[1] ?? 0);
    const isUnread = number > (workers === 1 ? 0 : workers);
    if (isUnread) return [{ ...outageFolderOf(own, number), readBy: Math.max(number, 2) }];
    return name === OUTAGE_FILE && workers > 1 ? [{ ...own, readBy: 1 }] : [];
  });
  // So many workers read the others as well.
  unread.sort((a, b) => b.readBy - a.readBy);
  if (unread.length === 0) return;
  const sealer = await buildSealer({ config, log: () => undefined });
  for (const { readBy, ...there } of unread) {
    const journal = await openIn(there, pid, sealer, () => undefined);
    const { changes } = journal;
    await journal.close();
    if (changes === 0) continue;
    throw new StartError(
      `outage journal folder ${there.folder} has ${changes} acknowledged changes that ${workers === 1 ? 'one process does' : `${workers} workers do`} not read: start with A2A_WORKERS=${readBy} until nothing is pending`,
    );
  }
}
