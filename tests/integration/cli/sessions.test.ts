/** `holdfast sessions` on real stores: what is shown, and that what is moved is the same afterwards. */
import { expect } from 'chai';
import { join } from 'node:path';
import type { Cursor, SessionStore } from '../../../server/sessions/session-store.ts';
import { jsonOf, runCli } from '../../helpers/cli.ts';
import { useFolder } from '../../helpers/files.ts';
import { useRedis } from '../../helpers/redis.ts';
import { changeOnce, createTestManager, plainFold, readAll, say } from '../../helpers/sessions.ts';
import { JournalScan, scanJournal } from '../../../server/sessions/journal-scan.ts';
import { DEFAULT, lmdbEnv, redisEnv, seedMany, seedRich, withLmdb, withRedis } from './seeds.ts';

const RICH = { tenant: DEFAULT, sessionId: 'é/rich' };

/** Everything of a session that anybody can ask a store for. */
async function everythingOf(store: SessionStore, ref = RICH): Promise<object> {
  const read = await store.read(ref);
  if (!read.found) return { found: false };
  const { cursor, answered, derived, bytes } = read;
  const scanned = await scanJournal(store, ref);
  const { tasks, totalSize } = await store.listTasks(ref.tenant, { sessionId: ref.sessionId, limit: 100 });
  return {
    records: await readAll(store, ref),
    fold: scanned && plainFold(scanned.session),
    alias: await store.resolveAlias(ref.tenant, 'ada', `client ${ref.sessionId}`),
    ...{ cursor, answered, derived, bytes, tasks, totalSize },
  };
}

const remainingOf = async (store: SessionStore, sessionId: string): Promise<number> => {
  const read = await store.read({ tenant: DEFAULT, sessionId });
  return read.found ? read.remainingMs : 0;
};

describe('holdfast sessions', () => {
  const redis = useRedis();
  const folder = useFolder();
  const data = (): string => join(folder.path, 'data');

  it('lists pages of what is there, and says where the next one begins', async () => {
    await withRedis(redis, (store) => seedMany(store, 25));
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const place = after === undefined ? [] : ['--after', after];
      const run = await runCli(['sessions', 'list', '--limit', '10', '--json', ...place], redisEnv(redis));
      expect([run.code, run.err]).to.deep.equal([0, '']);
      const page = jsonOf(run) as {
        sessions: { sessionId: string; records: number; bytes: number }[];
        next?: string;
      };
      for (const one of page.sessions) expect([one.records, one.bytes > 100]).to.deep.equal([3, true]);
      ids.push(...page.sessions.map(({ sessionId }) => sessionId));
      after = page.next;
    } while (after !== undefined);
    expect(new Set(ids).size).to.equal(25);
    expect(ids).to.have.length(25);
    const { out } = await runCli(['sessions', 'list', '--limit', '2'], redisEnv(redis));
    expect(out)
      .to.match(/^tenant +session +records +size +expires in\n/)
      .and.match(/\nmore: --after \S+\n$/);
  });

  it('shows times, turns and states, and what was said only when that is asked for', async () => {
    await withRedis(redis, (store) => seedRich(store));
    const shown = await runCli(['sessions', 'show', 'é/rich'], redisEnv(redis));
    expect(shown.code).to.equal(0);
    expect(shown.out)
      .to.match(/session é\/rich of default\n {2}12 records, \d/)
      .and.match(/ a +completed +\d{4}-\S+ +i1 +1 +1 +https:\/\/hooks\.example \(parked\)/)
      .and.match(/ b +submitted/)
      .and.match(/ 3 +\S+Z +a +user +1 part, \d+ B/);
    for (const secret of ['4711', 'one more', 'secret/path']) expect(shown.out).to.not.include(secret);
    const told = await runCli(['sessions', 'show', 'é/rich', '--content'], redisEnv(redis));
    expect(told.out).to.include('my secret is 4711').and.not.include('secret/path');
    const json = jsonOf(await runCli(['sessions', 'show', 'é/rich', '--json'], redisEnv(redis))) as {
      tasks: { id: string; state: string }[];
      messages: { parts: unknown }[];
    };
    expect(json.tasks.map(({ id, state }) => [id, state])).to.deep.equal([
      ['é/rich.a', 'completed'],
      ['é/rich.b', 'submitted'],
    ]);
    expect(json.messages.map(({ parts }) => parts)).to.deep.equal([1, 1, 1]);
  });

  it('prints the last records, and those that come until the session ends', async () => {
    await withRedis(redis, (store) => seedRich(store));
    const last = await runCli(['sessions', 'tail', 'é/rich', '--last', '2'], redisEnv(redis));
    expect(last.out.split('\n').map((line) => line.trim().split(/\s+/)[0])).to.deep.equal(['11', '12', '']);
    expect(last.out).to.not.include('again');
    let write: Promise<unknown> | undefined;
    const followed = await withRedis(redis, async (store) => {
      const { manager } = createTestManager(store, { instance: 'i3' });
      return runCli(['sessions', 'tail', 'é/rich', '--last', '1', '--follow', '--json'], redisEnv(redis), {
        onOut: (text) => {
          if (text.includes('"record":12,')) write = changeOnce(manager, say('b', 'later'), RICH);
          if (text.includes('"record":13,')) write = store.remove(RICH, 1_000);
        },
      });
    });
    await write;
    expect([followed.code, followed.err]).to.deep.equal([0, 'session é/rich has ended\n']);
    const numbers = followed.out.trim().split('\n');
    expect(numbers.map((line) => (JSON.parse(line) as { record: number }).record)).to.deep.equal([12, 13]);
  });

  it('moves sessions from LMDB to Redis byte by byte, with the life, marks, aliases and indexes that they had', async () => {
    const [before, life] = await withLmdb(data(), async (store) => {
      await seedRich(store);
      await seedMany(store, 300);
      return [await everythingOf(store), await remainingOf(store, 'many-250')] as const;
    });
    const exported = await runCli(['sessions', 'export'], lmdbEnv(data()));
    expect([exported.code, exported.err]).to.deep.equal([0, 'exported 301 sessions\n']);
    const imported = await runCli(['sessions', 'import', '--json'], redisEnv(redis), { input: exported.out });
    expect([imported.code, jsonOf(imported)]).to.deep.equal([
      0,
      { imported: 301, there: 0, skipped: 0, refused: 0 },
    ]);
    await withRedis(redis, async (store) => {
      expect(await everythingOf(store)).to.deep.equal(before);
      expect(before).to.deep.include({ alias: 'é/rich.a', answered: [3] });
      expect(life - (await remainingOf(store, 'many-250'))).to.be.within(-1_000, 60_000);
      expect(
        (await store.listTasks(DEFAULT, { limit: 1, state: 'TASK_STATE_SUBMITTED' })).totalSize,
      ).to.equal(301);
      expect(await store.tenants()).to.deep.equal([DEFAULT]);
      // Of who wrote it the store knows what stands there: what is sent once more is not stored twice.
      const { cursor } = before as { cursor: Cursor };
      const again = { expected: cursor, expiry: { kind: 'keep' }, tasks: [], aliases: [] } as const;
      for (const instance of ['i1', 'i2']) {
        const records = [{ seq: 1, json: '{}' }];
        const { outcome } = await store.commit(RICH, { ...again, instance, records });
        expect(outcome, instance).to.equal('stored');
      }
    });
    const again = await runCli(['sessions', 'export'], redisEnv(redis));
    const recordsOf = (text: string) =>
      text
        .split('\n')
        .slice(1, -2)
        .map((line) => {
          const { remainingMs, ...rest } = JSON.parse(line) as { id: string; remainingMs: number };
          expect(remainingMs).to.be.above(0);
          return rest;
        })
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(recordsOf(again.out)).to.deep.equal(recordsOf(exported.out));
    const checked = await runCli(['store', 'check', '--deep'], redisEnv(redis));
    expect([checked.code, checked.out]).to.deep.equal([0, '301 sessions, 0 problems, 0 left\n']);
    // What is there already is the same session.
    const twice = await runCli(['sessions', 'import', '--json'], redisEnv(redis), { input: exported.out });
    expect(jsonOf(twice)).to.deep.equal({ imported: 0, there: 301, skipped: 0, refused: 0 });
  });

  it('goes on with a session of which an import before has brought a part, and leaves out what is not there', async () => {
    const line = await withLmdb(data(), async (store) => {
      await seedRich(store);
      const read = await store.read(RICH);
      // Two that are not there, as after a compaction.
      await store.compact(RICH, read.found ? read.cursor.epoch : '', [[8, 9]]);
      return everythingOf(store);
    });
    const { out } = await runCli(['sessions', 'export'], lmdbEnv(data()));
    const [header = '', session = ''] = out.split('\n');
    const whole = JSON.parse(session) as { records: string[]; w: string; epoch: string };
    await withRedis(redis, async (store) => {
      // As a commit of two records that was the last one before the end.
      const records = whole.records.slice(0, 2).map((json, i) => ({ seq: i + 1, json }));
      const first = { expected: { epoch: '', head: 0, w: '' }, createEpoch: whole.epoch, instance: 'i1' };
      const cut = placeAfter(whole.records.slice(0, 2), whole.epoch);
      const expiry = { kind: 'slide', ttlMs: 60_000 } as const;
      await store.commit(RICH, { ...first, records, w: cut, expiry, tasks: [], aliases: [] });
    });
    const input = `${header}\n${session}\n{"end":true,"sessions":1}\n`;
    const run = await runCli(['sessions', 'import', '--json'], redisEnv(redis), { input });
    expect(jsonOf(run)).to.include({ imported: 1, refused: 0 });
    await withRedis(redis, async (store) => {
      const { records } = (await everythingOf(store)) as { records: unknown };
      expect(records).to.deep.equal((line as { records: unknown }).records);
      expect((records as { json: unknown }[]).filter(({ json }) => json === null)).to.have.length(2);
    });
  });

  it('overwrites nothing: another session of the id is refused, or passed over when that is asked for', async () => {
    await withLmdb(data(), (store) => seedRich(store, 'same'));
    await withRedis(redis, (store) => seedRich(store, 'same'));
    const before = await withRedis(redis, (store) => readAll(store, { tenant: DEFAULT, sessionId: 'same' }));
    const { out: input } = await runCli(['sessions', 'export'], lmdbEnv(data()));
    const refused = await runCli(['sessions', 'import'], redisEnv(redis), { input });
    expect(refused.code).to.equal(4);
    expect(refused.err).to.equal('refused: same of default: another session of this id is there\n');
    const skipped = await runCli(['sessions', 'import', '--skip-existing', '--json'], redisEnv(redis), {
      input,
    });
    expect([skipped.code, jsonOf(skipped)]).to.deep.equal([
      0,
      { imported: 0, there: 0, skipped: 1, refused: 0 },
    ]);
    const after = await withRedis(redis, (store) => readAll(store, { tenant: DEFAULT, sessionId: 'same' }));
    expect(after).to.deep.equal(before);
  });

  it('brings back what was deleted, as another session than the one that is gone', async () => {
    await withRedis(redis, (store) => seedRich(store));
    const { out: input } = await runCli(['sessions', 'export'], redisEnv(redis));
    const unsure = await runCli(['sessions', 'delete', 'é/rich'], redisEnv(redis));
    expect(unsure.code).to.equal(2);
    expect(unsure.err).to.include('--yes is required').and.include('Usage: holdfast sessions delete');
    expect((await runCli(['sessions', 'delete', 'é/rich', '--yes'], redisEnv(redis))).code).to.equal(0);
    expect((await runCli(['sessions', 'show', 'é/rich'], redisEnv(redis))).code).to.equal(5);
    expect((await runCli(['sessions', 'delete', 'é/rich', '--yes'], redisEnv(redis))).code).to.equal(5);
    const imported = await runCli(['sessions', 'import'], redisEnv(redis), { input });
    expect(imported.code).to.equal(0);
    const exported = JSON.parse(input.split('\n')[1] ?? '') as { epoch: string; records: string[] };
    await withRedis(redis, async (store) => {
      const records = await readAll(store, RICH);
      expect(records.map(({ json }) => json)).to.deep.equal(exported.records);
      const read = await store.read(RICH);
      expect(read.found && read.cursor.epoch).to.not.equal(exported.epoch);
    });
  });

  for (const [what, input, says] of [
    ['is none', 'hello\n', 'line 1 is not a JSON object'],
    ['was cut off', '{"holdfast":"sessions","version":1,"schema":1,"scope":"tenant"}\n', 'has no last line'],
    [
      'is of a later version',
      '{"holdfast":"sessions","version":2,"schema":1,"scope":"tenant"}\n',
      'version must be 1',
    ],
    [
      'is of another scope',
      '{"holdfast":"sessions","version":1,"schema":1,"scope":"subject"}\n',
      'A2A_SCOPE subject',
    ],
    [
      'has a session without records',
      '{"holdfast":"sessions","version":1,"schema":1,"scope":"tenant"}\n{"tenant":"t","id":"i","epoch":"e","w":"i.1","remainingMs":1,"answered":[],"derived":{"serves":"","answered":false},"records":[]}\n',
      'line 2: records must be texts, at least one',
    ],
  ] as const) {
    it(`refuses an export that ${what}`, async () => {
      const run = await runCli(['sessions', 'import'], redisEnv(redis), { input });
      expect([run.code, run.out]).to.deep.equal([3, '']);
      expect(run.err).to.include(says);
    });
  }
});

/** Where a journal of these records stands. */
function placeAfter(records: readonly string[], epoch: string): string {
  const scan = new JournalScan(RICH, epoch);
  records.forEach((json, i) => scan.take({ n: i + 1, json }));
  return scan.session.cursor.w;
}
