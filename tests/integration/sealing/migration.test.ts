/** `holdfast store migrate` beside a server under load, and what opens afterwards. */
import { expect } from 'chai';
import { jsonOf, runCli } from '../../helpers/cli.ts';
import type { Env } from '../../helpers/config.ts';
import { useFiles, useFolder } from '../../helpers/files.ts';
import { acknowledged, isCompleted, Load, type Sent, sendOnce } from '../../helpers/load.ts';
import { expectTold, type LocalServer, useOutage } from '../../helpers/outage.ts';
import { call, V1 } from '../../helpers/rpc.ts';
import { planted } from '../../helpers/overheard.ts';
import { encryptionKeysFile } from '../../helpers/sealing.ts';
import { lmdbEnv, seedMany, seedRich, withLmdb } from '../cli/seeds.ts';
import { SHELF } from '../../helpers/stored-sessions.ts';

interface Report {
  readonly sessions: number;
  readonly records: number;
  readonly summaries: number;
  readonly rewritten: number;
  readonly changed: number;
  readonly unopened: number;
  readonly damaged: number;
}

describe('stored sessions that are migrated', function () {
  this.timeout(60_000);
  const files = useFiles();
  const folder = useFolder();
  const outage = useOutage({ appendonly: false });
  const keys = (active: string, ...others: string[]): string =>
    files.write(`${[active, ...others].join('-')}.json`, encryptionKeysFile(active, ...others));
  const envOf = (file: string): Record<string, string> => ({ A2A_ENCRYPTION_KEYS_FILE: file });
  const migrate = async (env: Env, ...args: string[]): Promise<{ code: number; report: Report }> => {
    const run = await runCli(['store', 'migrate', '--json', ...args], { ...outage.redis.env, ...env });
    return { code: run.code, report: jsonOf(run) as Report };
  };

  /** Every text of every session, with the field that it is in. */
  async function stored(): Promise<[string, string][]> {
    const hashes = await Promise.all(
      (await outage.client.keys(`${SHELF}s:*`)).map((key) => outage.client.hgetall(key)),
    );
    return hashes.flatMap((hash) => Object.entries(hash).filter(([field]) => /^(?:\d+$|t:)/.test(field)));
  }
  const plainOf = (texts: [string, string][]) =>
    texts.filter(([field, text]) => /^\d/.test(field) && text.startsWith('{'));

  /** The bytes that a session says it has are those of its records. */
  async function expectSizes(): Promise<void> {
    for (const key of await outage.client.keys(`${SHELF}s:*`)) {
      const hash = await outage.client.hgetall(key);
      const records = Object.entries(hash).filter(([field]) => /^\d+$/.test(field));
      const bytes = records.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
      expect(Number(hash['b']), key).to.equal(bytes);
    }
  }

  function expectAllOpened(...servers: LocalServer[]): void {
    for (const { logs } of servers)
      for (const event of [
        'record_unopened',
        'record_damaged',
        'store_went_back',
        'session_damaged',
      ] as const)
        expect(logs.of(event)).to.deep.equal([]);
  }

  it('lose nothing under load, and open without the key that is taken out', async () => {
    const plain = await outage.serveHere();
    const first = new Load([plain.url], { perSecond: 100, conversations: 4, name: 'plain' }).start();
    await first.answered(20);
    const sent = [...(await first.stop())];
    sent.push(await sendOnce(plain.url, 'v1', `${planted('content')} long `.repeat(40).trim(), 'long'));
    await plain.stop();
    const old = await outage.serveHere(envOf(keys('k1')));
    const second = new Load([old.url], { perSecond: 100, conversations: 4, name: 'old' }).start();
    await second.answered(20);
    sent.push(...(await second.stop()));
    await old.stop();
    const ids = [...acknowledged(sent).keys()];

    const file = keys('k2', 'k1');
    const server = await outage.serveHere({ ...envOf(file), A2A_COMPRESS_ABOVE_BYTES: '256' });
    const env = { ...envOf(file), A2A_COMPRESS_ABOVE_BYTES: '256' };
    const before = await stored();
    const dry = await migrate(env, '--dry-run');
    expect(dry).to.deep.include({ code: 0 });
    expect(dry.report.rewritten).to.be.above(40);
    expect((await stored()).sort()).to.deep.equal(before.sort());
    // They go on with the sessions that are written anew under them.
    const load = new Load([server.url], { perSecond: 60, conversations: 4, name: 'new' }).start();
    const goOn = async (sessionId: string): Promise<Sent[]> => {
      const more: Sent[] = [];
      for (const n of [1, 2, 3])
        more.push(await sendOnce(server.url, 'v1', `${sessionId} ${n} ${planted('content')}`, sessionId));
      return more;
    };
    await load.answered(5);
    const [run, ...gone] = await Promise.all([migrate(env), ...ids.slice(0, 10).map(goOn)]);
    await load.answered(5);
    const during = [...(await load.stop()), ...gone.flat()];
    expect(during.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
    expect(run).to.deep.include({ code: 0 });
    expect(run.report).to.deep.include({ unopened: 0, damaged: 0 });
    expect(run.report.rewritten + run.report.changed).to.be.at.least(dry.report.rewritten);
    expect(run.report.sessions).to.be.at.least(ids.length);
    expect((await migrate(env, '--dry-run')).report.rewritten).to.equal(0);

    const texts = await stored();
    expect(plainOf(texts)).to.deep.equal([]);
    expect(texts.filter(([, text]) => /~1\.z?s\.k1\./.test(text))).to.deep.equal([]);
    expect(texts.filter(([, text]) => text.startsWith('~1.zs.k2.')).length).to.be.above(0);
    await expectSizes();

    const anew = await outage.serveHere({ ...envOf(keys('k2')), A2A_ENCRYPTION_REQUIRED: 'true' });
    await expectTold(anew.url, [...sent, ...during]);
    expectAllOpened(server, anew);
  });

  /** Two sessions of the same shape, sealed with k1. @returns ids of their tasks */
  async function begin(): Promise<string[]> {
    const server = await outage.serveHere(envOf(keys('k1')));
    const tasks: string[] = [];
    for (const session of ['one', 'other'])
      tasks.push((await sendOnce(server.url, 'v1', `${session} ${planted('content')}`, session)).taskId);
    await server.stop();
    return tasks;
  }
  const ONE = `${SHELF}s:one`;

  it('are left as they are where they do not open, and it says so', async () => {
    await begin();
    const before = (await stored()).sort();
    const { code, report } = await migrate(envOf(keys('k2')));
    expect([code, report.rewritten, report.sessions]).to.deep.equal([4, 0, 2]);
    expect(report.unopened).to.equal(before.filter(([, text]) => text.includes('~1.s.k1.')).length);
    expect((await stored()).sort()).to.deep.equal(before);
  });

  it('are not vouched for where they were moved, or planted', async () => {
    await begin();
    const moved = (await outage.client.hget(`${SHELF}s:other`, '3')) ?? '';
    const forged = '{"t":"message","at":1,"task":"x"}';
    await outage.client.hset(ONE, { '3': moved, '4': forged });
    const env = { ...envOf(keys('k2', 'k1')), A2A_ENCRYPTION_REQUIRED: 'true' };
    const { code, report } = await migrate(env);
    expect([code, report.unopened]).to.deep.equal([4, 2]);
    expect(report.rewritten).to.be.above(5);
    expect(await outage.client.hmget(ONE, '3', '4')).to.deep.equal([moved, forged]);
    expect(await outage.client.hget(ONE, '2')).to.match(/^~1\.s\.k2\./);
  });

  it('open nowhere else than before, though they were sealed anew', async () => {
    const [, other = ''] = await begin();
    expect((await migrate(envOf(keys('k2', 'k1')))).code).to.equal(0);
    await outage.client.hset(ONE, '3', (await outage.client.hget(`${SHELF}s:other`, '3')) ?? '');
    const server = await outage.serveHere(envOf(keys('k2')));
    expect((await call(server.url, 'GetTask', { id: other }, V1)).text).to.contain('"echo: other ');
    const sent = await sendOnce(server.url, 'v1', 'more', 'one');
    expect(sent.reply.json.error).to.include({ message: 'damaged' });
    expect(server.logs.of('record_unopened')[0]).to.include({ field: '3', why: 'not-authentic' });
  });

  it('may be in a folder that no server has', async () => {
    const env = { ...lmdbEnv(folder.path), ...envOf(keys('k1')), A2A_ENCRYPTION_REQUIRED: 'false' };
    await withLmdb(folder.path, async (store) => {
      await seedRich(store);
      await seedMany(store, 20);
      const beside = await migrate(env, '--dry-run');
      expect([beside.code, beside.report.sessions]).to.deep.equal([0, 21]);
      const refused = await runCli(['store', 'migrate'], env);
      expect(refused).to.deep.include({ code: 3, out: '' });
      expect(refused.err).to.include('Beside it only what reads can run');
    });
    const { code, report } = await migrate(env);
    expect([code, report.rewritten]).to.deep.equal([0, report.records]);
    expect((await migrate({ ...env, A2A_ENCRYPTION_REQUIRED: 'true' })).report).to.deep.include({
      rewritten: 0,
      unopened: 0,
    });
    const check = await runCli(['store', 'check', '--deep'], { ...env, A2A_ENCRYPTION_REQUIRED: 'true' });
    expect(check.out).to.equal('21 sessions, 0 problems, 0 left\n');
  });

  it('are packed and unpacked without keys', async () => {
    const server = await outage.serveHere();
    const long = `${planted('content')} `.repeat(40);
    const sent = await sendOnce(server.url, 'v1', long.trim(), 'one');
    await server.stop();
    const before = (await stored()).sort();
    const packed = await migrate({ A2A_COMPRESS_ABOVE_BYTES: '256' });
    expect(packed.report.rewritten).to.be.above(0);
    expect((await stored()).filter(([, text]) => text.startsWith('~1.z.'))).to.have.length(
      packed.report.rewritten,
    );
    await expectSizes();
    expect((await migrate({})).report).to.deep.equal(packed.report);
    expect((await stored()).sort()).to.deep.equal(before);
    await expectTold((await outage.serveHere()).url, [sent]);
  });
});
