import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { open } from 'lmdb';
import { type SinonSpy, restore, spy } from 'sinon';
import type { CommitRequest, CommitResult } from '../../../server/sessions/session-store.ts';
import { commitIn } from '../../../server/stores/embedded/commit-rules.ts';
import { addressOf } from '../../../server/stores/embedded/tables.ts';
import { GroupCommit } from '../../../server/stores/lmdb/group-commit.ts';
import type { JournalDatabase } from '../../../server/stores/lmdb/journal-database.ts';
import { LmdbTables } from '../../../server/stores/lmdb/lmdb-tables.ts';
import { createOf, refOf, requestAt, taskOf } from '../../contract/harness.ts';
import { eventually } from '../../helpers/eventually.ts';

const NOW = 1_000_000;
const SENDS = 40;
/** Entry, records, task, its two places in the lists; the first also its place among those that expire. */
const PUTS = { first: { s: 1, x: 1, r: 2, t: 1, k: 2 }, second: { s: 1, r: 3, t: 1, k: 2 } };

describe('what a conversation costs lmdb', () => {
  let folder: string;
  let db: JournalDatabase;
  let commits: GroupCommit;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
    db = open({ path: join(folder, 'some.mdb'), encoding: 'string', eventTurnBatching: false });
    commits = new GroupCommit(db, new LmdbTables(db), false);
  });
  afterEach(async () => {
    restore();
    await db.close();
    await rm(folder, { recursive: true });
  });

  const commit = (sessionId: string, request: CommitRequest): Promise<CommitResult> =>
    commits.write((tables) => commitIn(tables, addressOf(refOf(sessionId)), request, NOW));
  const began = (n: number) =>
    commit(`s${n}`, createOf('e1', ['{"n":1}', '{"n":2}'], { tasks: [taskOf('t', 'TASK_STATE_SUBMITTED')] }));
  const ended = (n: number) => {
    const task = taskOf('t', 'TASK_STATE_COMPLETED', 'TASK_STATE_SUBMITTED', { statusAt: 2_000 });
    const at = { epoch: 'e1', head: 2, w: 'i1.2' };
    return commit(`s${n}`, requestAt(at, 3, ['{"n":3}', '{"n":4}', '{"n":5}'], { tasks: [task] }));
  };
  const all = (send: (n: number) => Promise<CommitResult>) =>
    Promise.all(Array.from({ length: SENDS }, (_, n) => send(n)));
  /** By the first letter of their keys. */
  const byKind = (calls: SinonSpy): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const [[kind]] of calls.args as [[string]][]) found[kind] = (found[kind] ?? 0) + 1;
    calls.resetHistory();
    return found;
  };
  const times = (one: Record<string, number>) =>
    Object.fromEntries(Object.entries(one).map(([kind, count]) => [kind, count * SENDS]));
  const kept = (name: string) => db.get(['v', name]);

  it('is what is said for each, and the counts once for all that are committed together', async () => {
    const [puts, removes] = [spy(db, 'put'), spy(db, 'remove')];
    const children = spy(db, 'childTransaction');
    await all(began);
    // tasks in all, and submitted ones
    expect(byKind(puts)).to.deep.equal({ ...times(PUTS.first), c: 2 });
    await all(ended);
    // submitted ones, and completed ones
    expect(byKind(puts)).to.deep.equal({ ...times(PUTS.second), c: 2 });
    expect(byKind(removes)).to.deep.equal(times({ k: 2 }));
    expect(children.callCount).to.equal(2);
    const tables = new LmdbTables(db).begin();
    expect(tables.countTasks('acme', undefined, undefined)).to.equal(SENDS);
    expect(tables.countTasks('acme', 'TASK_STATE_SUBMITTED', undefined)).to.equal(0);
    expect(tables.countTasks('acme', 'TASK_STATE_COMPLETED', undefined)).to.equal(SENDS);
  });

  it('undoes what throws and commits what was asked for beside it', async () => {
    await began(0);
    const thrown = new Error('thrown');
    const ends = await Promise.allSettled([
      began(1),
      commits.write((tables) => {
        tables.putSetting('thrown', 'yes');
        tables.putTask({ tenant: 'acme', session: 's0' }, 'u', {
          state: 'TASK_STATE_SUBMITTED',
          statusAt: 1,
          summary: '',
        });
        throw thrown;
      }),
      commits.write((tables) => {
        tables.putSetting('kept', 'yes');
        return tables.countTasks('acme', 'TASK_STATE_SUBMITTED', undefined);
      }),
    ]);
    expect(ends).to.deep.equal([
      { status: 'fulfilled', value: { outcome: 'ok' } },
      { status: 'rejected', reason: thrown },
      { status: 'fulfilled', value: 2 },
    ]);
    expect([kept('thrown'), kept('kept')]).to.deep.equal([undefined, 'yes']);
    expect(db.get(['c', 'acme', 'TASK_STATE_SUBMITTED'])).to.equal('2');
    expect(db.get(['t', 'acme', 's0', 'u'])).to.equal(undefined);
  });

  it('undoes one that throws alone', async () => {
    const thrown = new Error('thrown');
    const write = commits.write((tables) => {
      tables.putSetting('thrown', 'yes');
      throw thrown;
    });
    expect(await write.catch((error: unknown) => error)).to.equal(thrown);
    expect(kept('thrown')).to.equal(undefined);
    await began(0);
  });

  it('counts for one what was committed together with it before', async () => {
    const limits = { maxRunningTasks: 2, maxSessions: 10 };
    const asked = (n: number) =>
      commit(`s${n}`, createOf('e1', ['{}', '{}'], { limits, tasks: [taskOf('t', 'TASK_STATE_SUBMITTED')] }));
    const done = await Promise.all([asked(0), asked(1), asked(2)]);
    expect(done.map(({ outcome }) => outcome)).to.deep.equal(['ok', 'ok', 'refused']);
    expect(db.get(['q', 'acme', 'running'])).to.equal('2');
    expect(db.get(['q', 'acme', 'sessions'])).to.equal('2');
    await ended(0);
    expect(db.get(['q', 'acme', 'running'])).to.equal('1');
  });

  it('is no commit before it is on the disk, where that is asked for', async () => {
    const disk = new EventEmitter();
    const flushed = once(disk, 'flushed');
    Object.defineProperty(db, 'flushed', { get: () => flushed });
    const synced = new GroupCommit(db, new LmdbTables(db), true);
    let isCommitted = false;
    const write = synced.write((tables) => {
      tables.putSetting('kept', 'yes');
    });
    void write.then(() => (isCommitted = true));
    await eventually(() => kept('kept') === 'yes');
    await new Promise(setImmediate);
    expect(isCommitted).to.equal(false);
    disk.emit('flushed');
    await write;
  });

  it('fails all that were to be committed together, and goes on', async () => {
    const transaction = db.transaction.bind(db);
    const failing = new Error('no transaction');
    db.transaction = () => Promise.reject(failing);
    const ends = await Promise.allSettled([began(0), began(1)]);
    const failed = { status: 'rejected', reason: failing };
    expect(ends).to.deep.equal([failed, failed]);
    db.transaction = transaction;
    expect(await began(0)).to.deep.equal({ outcome: 'ok' });
  });
});
