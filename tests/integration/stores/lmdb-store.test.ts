import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { stub } from 'sinon';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { DataFolderLock, DataFolderLockedError } from '../../../server/stores/lmdb/data-folder-lock.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { HOUR, Writer, aliasOf, errorOf, readFound, refOf, taskOf } from '../../contract/harness.ts';
import { eventually } from '../../helpers/eventually.ts';

const OTHER_PROCESS = fileURLToPath(new URL('../../helpers/lmdb-process.ts', import.meta.url));

interface Said {
  readonly open: boolean;
  readonly name?: string;
  readonly message?: string;
  readonly pid?: number;
}

describe('the lmdb store', () => {
  let folder: string;
  let stores: LmdbSessionStore[];
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
    stores = [];
    children = [];
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(children.map(kill));
    await rm(folder, { recursive: true });
  });

  const openStore = async (at = folder, now?: () => number) => {
    const store = await LmdbSessionStore.open({ folder: at, pid: process.pid, ...(now && { now }) });
    stores.push(store);
    return store;
  };
  const kill = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  /** Another process that opens the folder; what it says, line by line. */
  const otherProcess = (at: string, ...args: string[]) => {
    const child = spawn(process.execPath, ['--import', 'tsx', OTHER_PROCESS, at, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = (await lines.next()) as IteratorResult<string, undefined>;
      return JSON.parse(value ?? 'null') as unknown;
    };
    return { child, next, opened: async () => (await next()) as Said };
  };
  const sockets = async (at = folder) => (await readdir(at)).filter((name) => name.endsWith('.sock'));

  it('keeps everything over a close and a start', async () => {
    const first = await openStore();
    const writer = await new Writer(first).create(['1', '2'], {
      tasks: [taskOf('t', 'TASK_STATE_WORKING')],
      aliases: [aliasOf('mine', 't')],
    });
    await first.markAnswered([{ ref: writer.ref, epoch: 'e1', messages: [1] }]);
    for (const instance of ['i1', 'i2']) await first.beat(instance);
    await first.noteTenant('acme', 'i2');
    await new Writer(first, refOf('removed')).create();
    await first.remove(refOf('removed'), HOUR);
    await first.close();
    const second = await openStore();
    const read = await readFound(second, writer.ref);
    expect([read.cursor, read.answered, read.bytes]).to.deep.equal([writer.cursor, [1], 2]);
    expect(await second.resolveAlias('acme', 'ann', 'mine')).to.equal('s1.t');
    expect([...second.tasks('acme').keys()]).to.deep.equal(['s1.t']);
    expect(await second.read(refOf('removed'))).to.have.nested.property('tombstone.epoch', 'e1');
    // whoever beat in another life of this folder is dead, and what it left is to be looked after
    expect(await second.instances()).to.deep.equal([{ instance: 'i2', ageMs: Infinity }]);
    expect(await second.tenantsOf('i2')).to.deep.equal(['acme']);
  });

  it('keeps every acknowledged record when its process is killed in the middle', async () => {
    const { child, next, opened } = otherProcess(folder, 'append');
    expect(await opened()).to.deep.equal({ open: true });
    let acknowledged = 0;
    while (acknowledged < 50) acknowledged = (await next()) as number;
    await kill(child);
    const read = await readFound(await openStore(), refOf());
    expect(read.cursor.head).to.be.at.least(acknowledged);
    expect(read.tail.records.map(({ json }) => json)).to.deep.equal(
      Array.from({ length: read.cursor.head }, (_, i) => `{"n":${i + 1}}`),
    );
  });

  it('refuses a second process, with the pid of the first, until that is gone', async () => {
    const first = otherProcess(folder);
    expect(await first.opened()).to.deep.equal({ open: true });
    const error = await errorOf(openStore());
    expect(error).to.be.instanceOf(DataFolderLockedError).with.property('pid', first.child.pid);
    expect(error.message).to.include(folder).and.include(String(first.child.pid)).and.include('A2A_DATA_DIR');
    first.child.kill('SIGSTOP');
    expect(await errorOf(openStore())).to.be.instanceOf(DataFolderLockedError);
    await kill(first.child);
    expect(await sockets()).to.have.length(1);
    await openStore();
    expect(await sockets()).to.have.length(1);
    const third = await otherProcess(folder).opened();
    expect(third).to.include({ open: false, name: 'DataFolderLockedError', pid: process.pid });
  }).timeout(30_000);

  it('refuses the folder by whatever path it is called', async () => {
    await openStore();
    const link = `${folder}-link`;
    await symlink(folder, link);
    try {
      for (const path of [link, relative('.', folder), `${folder}/../${folder.split('/').at(-1) ?? ''}`]) {
        expect(await errorOf(openStore(path)), path).to.be.instanceOf(DataFolderLockedError);
      }
    } finally {
      await rm(link);
    }
  });

  it('locks a folder whose path is too long for a socket', async () => {
    const long = join(folder, ...Array.from({ length: 4 }, () => 'x'.repeat(60)));
    const first = await openStore(long);
    await new Writer(first).create();
    expect(await sockets(long)).to.deep.equal([]);
    expect(await otherProcess(long).opened()).to.include({ open: false, pid: process.pid });
    const short = join(folder, 'short');
    await symlink(long, short);
    expect(await errorOf(openStore(short))).to.be.instanceOf(DataFolderLockedError);
    await first.close();
    expect((await readFound(await openStore(long), refOf())).cursor.head).to.equal(1);
  });

  it('has one owner when many start at once, whatever the dead have left', async () => {
    for (let round = 0; round < 20; round += 1) {
      const place = join(folder, `${round}`);
      await mkdir(place);
      for (const rank of ['0000000000000000', 'ffffffffffffffff']) {
        const dead = createServer().listen(join(place, 'dying'));
        await once(dead, 'listening');
        // under another name it outlives its listener, as after a SIGKILL
        await link(join(place, 'dying'), join(place, `lock-${rank}-1.sock`));
        dead.close();
        await once(dead, 'close');
      }
      const starts = Array.from({ length: 8 }, (_, i) => DataFolderLock.acquire(place, i + 1));
      const ends = await Promise.allSettled(starts);
      const owners = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
      expect(owners).to.have.length(1);
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).to.be.instanceOf(DataFolderLockedError);
      }
      await owners[0]?.release();
      expect(await sockets(place)).to.deep.equal([]);
      await (await DataFolderLock.acquire(place, 1)).release();
    }
  });

  it('has one owner when several processes start at once', async () => {
    const said = await Promise.all(Array.from({ length: 4 }, () => otherProcess(folder).opened()));
    expect(said.filter(({ open }) => open)).to.have.length(1);
    expect(await eventually(sockets)).to.have.length(1);
  }).timeout(30_000);

  it('says what is wrong with a folder that cannot be made', async () => {
    const error = await errorOf(LmdbSessionStore.open({ folder: '/dev/null/data', pid: 1 }));
    expect(error).to.have.property('code', 'ENOTDIR');
  });

  it('calls a full disk unavailable, loses nothing, and goes on when there is room', async function () {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    const mount = (...args: string[]) => promisify(execFile)('mount', args);
    try {
      await mount('-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk);
    } catch {
      // only root can make a disk that is so small
      this.skip();
    }
    // lmdb prints what it then also throws
    const printed = stub(console, 'error');
    // one that nobody hears ends the process
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', hear);
    try {
      const store = await openStore(disk);
      const writer = await new Writer(store).create();
      const json = JSON.stringify('x'.repeat(20_000));
      let full: Error | undefined;
      for (let i = 0; i < 30 && full === undefined; i += 1) {
        await writer.append([json]).catch((error: unknown) => (full = error as Error));
      }
      expect(full).to.be.instanceOf(StoreUnavailableError);
      const more = [store.beat('i1'), store.beat('i2'), writer.append([json])];
      for (const end of await Promise.allSettled(more)) expect(end.status).to.equal('rejected');
      expect((await readFound(store, writer.ref)).cursor).to.deep.equal(writer.cursor);
      await mount('-o', 'remount,size=10m', disk);
      await writer.append([json]);
      await store.close();
      expect(unheard).to.deep.equal([]);
    } finally {
      process.off('unhandledRejection', hear);
      printed.restore();
      await promisify(execFile)('umount', [disk]);
    }
  });

  it('commits what is asked for together in one go', async () => {
    const store = await openStore();
    const writers = Array.from({ length: 200 }, (_, i) => new Writer(store, refOf(`s${i}`)));
    await Promise.all(writers.map((writer) => writer.create()));
    await Promise.all(writers.map((writer) => writer.append(['2'])));
    for (const { ref, cursor } of writers) expect((await readFound(store, ref)).cursor).to.deep.equal(cursor);
  });

  it('retires sessions that slid on only when their time has come', async () => {
    let now = 1_000_000;
    const store = await openStore(folder, () => now);
    const writers = Array.from({ length: 30 }, (_, i) => new Writer(store, refOf(`s${i}`)));
    const expiry = { kind: 'slide', ttlMs: 100 } as const;
    await Promise.all(writers.map((writer) => writer.create(['1'], { expiry })));
    for (let turn = 0; turn < 5; turn += 1) {
      now += 90;
      await Promise.all(writers.slice(10).map((writer) => writer.append(['2'], { expiry })));
      await store.retire('acme');
    }
    for (const [i, { ref }] of writers.entries()) expect((await store.read(ref)).found).to.equal(i >= 10);
    now += 100;
    expect(await store.retire('acme')).to.equal(20);
    now += HOUR;
    expect(await store.retire('acme')).to.equal(0);
  });
});
