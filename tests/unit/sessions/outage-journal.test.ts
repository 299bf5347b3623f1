import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { open, type RootDatabaseOptionsWithPath } from 'lmdb';
import type { SessionManagerOptions } from '../../../server/sessions/session-manager-options.ts';
import { LmdbOutageJournal } from '../../../server/stores/lmdb/outage-journal.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { useFolder } from '../../helpers/files.ts';
import {
  begin,
  changeOnce,
  createTestManager,
  HOUR,
  moveTo,
  opened,
  readAll,
  refOf,
  say,
  TestClock,
  textsOf,
  type TestManager,
} from '../../helpers/sessions.ts';

interface Process extends TestManager {
  readonly journal: LmdbOutageJournal;
  readonly failures: unknown[];
}

describe('an outage journal', () => {
  const folder = useFolder();
  let inner: MemorySessionStore;
  let store: FaultyStore;
  let clock: TestClock;
  let running: Process | undefined;
  /** Instead of writing. */
  let disk: (() => Promise<never>) | undefined;
  const openFailing: typeof open = (options) => {
    const db = open<never, never>(options as RootDatabaseOptionsWithPath);
    const transaction = db.transaction.bind(db);
    db.transaction = (work) => disk?.() ?? transaction(work);
    return db;
  };

  beforeEach(() => {
    inner = new MemorySessionStore();
    store = new FaultyStore(inner, false);
    clock = new TestClock();
    disk = undefined;
  });
  afterEach(async () => {
    await kill();
  });

  /** The one before has to be killed first. */
  const start = async (options: Partial<SessionManagerOptions> = {}): Promise<Process> => {
    const failures: unknown[] = [];
    const journal = await LmdbOutageJournal.open({
      folder: folder.path,
      pid: 1,
      mono: clock.mono,
      onFailure: (error) => failures.push(error),
      openDatabase: openFailing,
    });
    const instance = randomBytes(4).toString('hex');
    const made = createTestManager(store, { instance, clock, outage: journal, ...options });
    running = Object.assign(made, { journal, failures });
    await made.manager.start();
    return running;
  };
  /** What was in its memory is gone. */
  const kill = async (): Promise<void> => {
    const dead = running;
    running = undefined;
    await dead?.journal.close();
    // Its timers would go on in this process.
    store.always('refuse');
    await dead?.manager.close();
    store.always(undefined);
  };
  const isAway = (isSo: boolean): void => {
    store.always(isSo ? 'refuse' : undefined);
  };
  /** What a replayer does. */
  const replay = async ({ manager }: Process): Promise<void> => {
    for (const session of [...manager.pending.sessions]) await session.replay();
  };
  const storedTexts = async (ref = refOf()): Promise<string[]> => {
    const { manager } = createTestManager(inner);
    return textsOf((await opened(manager, ref, 'existing')).view);
  };
  const droppedWhy = ({ logged }: Process): unknown[] =>
    logged.filter(({ event }) => event === 'records_dropped').map(({ fields }) => fields['why']);

  it('brings what was acknowledged over the death of the process, in a session that the store has', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    isAway(true);
    expect(await changeOnce(first.manager, say('t1', 'a'))).to.equal('deferred');
    expect(await changeOnce(first.manager, say('t1', 'b'))).to.equal('deferred');
    await kill();
    isAway(true);
    const second = await start();
    expect(second.manager.pending.records).to.equal(2);
    expect(second.manager.pending.bytes).to.be.above(100);
    await replay(second);
    expect(second.manager.pending.records).to.equal(2);
    isAway(false);
    await replay(second);
    expect(second.manager.pending.records).to.equal(0);
    expect(second.manager.pending.bytes).to.equal(0);
    expect(await storedTexts()).to.deep.equal(['hello', 'a', 'b']);
    expect(second.journal.changes).to.equal(0);
    await kill();
    const third = await start();
    expect(third.manager.pending.records).to.equal(0);
    expect(third.logged.map(({ event }) => event)).not.to.include('outage_journal_read');
  });

  it('brings sessions that were begun while the store was away, and they are served before it is back', async () => {
    isAway(true);
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    await changeOnce(first.manager, say('t1', 'a'));
    await kill();
    isAway(true);
    const second = await start();
    const session = await opened(second.manager, refOf(), 'existing');
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a']);
    expect(await session.change(say('t1', 'b'))).to.equal('deferred');
    await kill();
    // twice over, with records of two that are gone
    const third = await start();
    await replay(third);
    expect(await storedTexts()).to.deep.equal(['hello', 'a', 'b']);
    expect(third.journal.changes).to.equal(0);
    expect(third.manager.pending.records).to.equal(0);
  });

  it('knows what an attempt of the dead process has stored after all', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    store.always('late', 'commit');
    expect(await changeOnce(first.manager, say('t1', 'a'))).to.equal('deferred');
    const other = refOf('s2');
    expect(await changeOnce(first.manager, begin('t2', 'x'), other)).to.equal('deferred');
    await kill();
    await store.runLate();
    const second = await start();
    await replay(second);
    expect(await storedTexts()).to.deep.equal(['hello', 'a']);
    expect(await storedTexts(other)).to.deep.equal(['x']);
    expect(second.manager.pending.records).to.equal(0);
    expect(second.journal.changes).to.equal(0);
  });

  it('knows what it has stored when it is killed in the middle of storing it', async () => {
    isAway(true);
    const first = await start();
    for (const id of ['s1', 's2', 's3'])
      await changeOnce(first.manager, begin('t1', `hello ${id}`), refOf(id));
    await kill();
    const second = await start();
    store.once('commit', 'lose', 2);
    await replay(second);
    expect(second.manager.pending.records).to.equal(6);
    await kill();
    const third = await start();
    await replay(third);
    for (const id of ['s1', 's2', 's3']) expect(await storedTexts(refOf(id))).to.deep.equal([`hello ${id}`]);
    expect(third.journal.changes).to.equal(0);
  });

  it('has its records rebased behind what another instance wrote, also under an id that both began', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    isAway(true);
    await changeOnce(first.manager, say('t1', 'a'));
    await changeOnce(first.manager, moveTo('t1', 'TASK_STATE_WORKING', 'i1.1'));
    await changeOnce(first.manager, begin('t1', 'mine'), refOf('s2'));
    await kill();
    const elsewhere = createTestManager(new FaultyStore(inner, false), { instance: 'other' });
    await changeOnce(elsewhere.manager, say('t1', 'theirs'));
    await changeOnce(elsewhere.manager, moveTo('t1', 'TASK_STATE_CANCELED'));
    await changeOnce(elsewhere.manager, begin('t2', 'yours'), refOf('s2'));
    const second = await start();
    await replay(second);
    expect(await storedTexts()).to.deep.equal(['hello', 'theirs', 'a']);
    expect(await storedTexts(refOf('s2'))).to.deep.equal(['yours', 'mine']);
    expect(second.counters.of('refused')).to.be.above(0);
    expect(second.journal.changes).to.equal(0);
  });

  it('gives up, counted, what outlived its TTL', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'known'));
    isAway(true);
    await changeOnce(first.manager, say('t1', 'a'));
    await changeOnce(first.manager, begin('t1', 'old'), refOf('old'));
    await kill();
    clock.advance(HOUR);
    const second = await start();
    expect(second.manager.pending.records).to.equal(0);
    expect(droppedWhy(second)).to.deep.equal(['expired', 'expired']);
    expect(second.journal.changes).to.equal(0);
  });

  it('does not bring back what was deleted meanwhile', async () => {
    const refs = [refOf('deleted'), refOf('replaced')];
    const first = await start();
    for (const ref of refs) await changeOnce(first.manager, begin('t1', 'x'), ref);
    isAway(true);
    for (const ref of refs) await changeOnce(first.manager, say('t1', 'a'), ref);
    await kill();
    for (const ref of refs) await inner.remove(ref, HOUR);
    const elsewhere = createTestManager(new FaultyStore(inner, false));
    await changeOnce(elsewhere.manager, begin('t9', 'new'), refOf('replaced'));
    const second = await start();
    await replay(second);
    expect(droppedWhy(second)).to.deep.equal(['deleted', 'deleted']);
    expect((await inner.read(refOf('deleted'))).found).to.equal(false);
    expect(await storedTexts(refOf('replaced'))).to.deep.equal(['new']);
    expect(second.manager.pending.records).to.equal(0);
    expect(second.journal.changes).to.equal(0);
  });

  it('comes first where the same id is begun anew while the store is still away', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    isAway(true);
    await changeOnce(first.manager, say('t1', 'a'));
    await kill();
    isAway(true);
    const second = await start();
    expect(await changeOnce(second.manager, begin('t2', 'again'))).to.equal('deferred');
    isAway(false);
    await replay(second);
    await replay(second);
    expect((await storedTexts()).toSorted()).to.deep.equal(['a', 'again', 'hello']);
    expect(second.manager.pending.records).to.equal(0);
    expect(second.journal.changes).to.equal(0);
    const identities = (await readAll(inner)).map(({ json }) => json ?? '');
    expect(identities.filter((json) => json.includes('"text":"a"'))).to.have.length(1);
  });

  it('has a change before its caller is answered, and before anybody is shown it', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    const session = await opened(first.manager);
    isAway(true);
    let isWritten = false;
    const keep = first.journal.keep.bind(first.journal);
    let write = (): void => undefined;
    const mayWrite = new Promise<void>((resolve) => (write = resolve));
    first.journal.keep = async (...args) => {
      await mayWrite;
      await keep(...args);
      isWritten = true;
    };
    const outcome = session.change(say('t1', 'a')).then((kind) => ({ kind, isWritten }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(textsOf(session.view)).to.deep.equal(['hello']);
    write();
    expect(await outcome).to.deep.equal({ kind: 'deferred', isWritten: true });
    expect(textsOf(session.view)).to.deep.equal(['hello', 'a']);
  });

  it('lets requests go on when the disk fails: said once, and it is tried again', async () => {
    const first = await start();
    await changeOnce(first.manager, begin('t1', 'hello'));
    isAway(true);
    const broken = new Error('no space left on device');
    disk = () => Promise.reject(broken);
    expect(await changeOnce(first.manager, say('t1', 'a'))).to.equal('deferred');
    expect(await changeOnce(first.manager, say('t1', 'b'))).to.equal('deferred');
    expect(first.failures).to.deep.equal([broken]);
    expect(first.journal.isFailing).to.equal(true);
    disk = undefined;
    clock.advance(3_000);
    expect(await changeOnce(first.manager, say('t1', 'c'))).to.equal('deferred');
    expect(first.journal.isFailing).to.equal(true);
    isAway(false);
    await replay(first);
    expect(await storedTexts()).to.deep.equal(['hello', 'a', 'b', 'c']);
    isAway(true);
    await changeOnce(first.manager, say('t1', 'd'));
    expect(first.journal.isFailing).to.equal(false);
    expect(first.failures).to.have.length(1);
  });

  it('belongs to one process', async () => {
    await start();
    const second = await LmdbOutageJournal.open({
      folder: folder.path,
      pid: 2,
      mono: clock.mono,
      onFailure: () => undefined,
    }).catch((error: unknown) => error);
    expect(second).to.include({ name: 'DataFolderLockedError', pid: 1 });
  });
});
