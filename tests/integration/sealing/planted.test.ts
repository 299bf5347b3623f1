import { join } from 'node:path';
import { expect } from 'chai';
import { useFiles, useFolder } from '../../helpers/files.ts';
import { nothingPending, readyz, useOutage, type LocalServer } from '../../helpers/outage.ts';
import { call, V1 } from '../../helpers/rpc.ts';
import { encryptionKeysFile } from '../../helpers/sealing.ts';
import { dumpFolder, dumpRedis, foundIn, plant, serve } from './planting.ts';

/** Each plants seven texts and more; at least 1,000 in all. */
const CONVERSATIONS = 150;
const PLANTED_MIN = 1_000;

describe('1,000 planted texts', function () {
  this.timeout(60_000);
  const files = useFiles();
  const folder = useFolder();
  const outage = useOutage({ appendonly: true });
  const running: LocalServer[] = [];
  const start = async (env: Record<string, string>): Promise<LocalServer> => {
    const server = await serve(env);
    running.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
  });
  const sealed = (): Record<string, string> => ({
    A2A_ENCRYPTION_KEYS_FILE: files.write('keys.json', encryptionKeysFile('k1')),
    A2A_ENCRYPTION_REQUIRED: 'true',
    A2A_COMPRESS_ABOVE_BYTES: '256',
  });
  const onRedis = (env: Record<string, string> = {}): Promise<LocalServer> =>
    start({ REDIS_URL: `unix://${outage.redis.path}`, ...env });

  /** The server shows them, so they are there. */
  async function expectTold(url: string, texts: readonly string[], least: number): Promise<void> {
    const params = { pageSize: 100, historyLength: 50, includeArtifacts: true };
    const { json } = await call(url, 'ListTasks', params, V1);
    const shown = texts.filter((text) => /^planted (?:text|agent state|data|metadata of a m)/.test(text));
    expect(foundIn(JSON.stringify(json.result), shown)).to.have.length.above(least);
  }

  for (const [how, env, isFound] of [
    ['are not found with encryption on', sealed, false],
    // what is looked for can be found at all
    ['are found without', () => ({}), true],
  ] as const) {
    const expectFound = (dump: string, texts: readonly string[], least = PLANTED_MIN): void => {
      const found = foundIn(dump, texts);
      if (isFound) expect(found).to.have.length.above(least);
      else expect(found).to.deep.equal([]);
    };

    it(`${how} in a dump of redis, and in its file`, async () => {
      const server = await onRedis(env());
      const texts = await plant(server.url, CONVERSATIONS);
      expect(texts.length).to.be.above(3 * PLANTED_MIN);
      const dump = await dumpRedis(outage.client);
      expectFound(dump, texts);
      expectFound(await dumpFolder(outage.redis.folder), texts);
      expect(dump.includes('~1.s.k1.') && dump.includes('~1.zs.k1.')).to.equal(!isFound);
      await server.stop();
      const anew = await onRedis(env());
      await expectTold(anew.url, texts, 100);
      for (const event of ['record_damaged', 'record_unopened'] as const)
        expect(anew.logs.of(event)).to.deep.equal([]);
    });

    it(`${how} in the files of lmdb`, async () => {
      const lmdb = { A2A_STORE: 'lmdb', A2A_DATA_DIR: folder.path, ...env() };
      const server = await start(lmdb);
      const texts = await plant(server.url, CONVERSATIONS);
      await server.stop();
      expectFound(await dumpFolder(folder.path), texts);
      await expectTold((await start(lmdb)).url, texts, 100);
    });

    it(`${how} in the outage journal`, async () => {
      const server = await onRedis({ A2A_OUTAGE_JOURNAL_DIR: folder.path, ...env() });
      await outage.redis.kill();
      const texts = await plant(server.url, 20);
      expect((await readyz(server.url)).pending).to.include({ kept: true });
      expectFound(await dumpFolder(folder.path), texts, 100);
    });
  }

  it('wait in the outage journal for a start with the key, and are stored then', async () => {
    const keys = sealed();
    const journal = { A2A_OUTAGE_JOURNAL_DIR: join(folder.path, 'outage') };
    const server = await onRedis({ ...journal, ...keys });
    await outage.redis.kill();
    const texts = await plant(server.url, 20);
    await server.stop();

    const whyNot = async (env: Record<string, string>): Promise<string> => {
      try {
        await onRedis({ ...journal, ...env });
      } catch (error) {
        return String(error);
      }
      throw new Error('it starts');
    };
    expect(await whyNot({})).to.match(/sealed with the key k1.*A2A_ENCRYPTION_KEYS_FILE/);
    const other = files.write('other.json', encryptionKeysFile('k2'));
    expect(await whyNot({ A2A_ENCRYPTION_KEYS_FILE: other })).to.match(/sealed with the key k1/);

    await outage.redis.start();
    const anew = await onRedis({ ...journal, ...keys });
    await nothingPending(anew.url);
    await expectTold(anew.url, texts, 50);
    expect(foundIn(await dumpRedis(outage.client), texts)).to.deep.equal([]);
  });

  it('wait there when they are plain and that is not accepted', async () => {
    const journal = { A2A_OUTAGE_JOURNAL_DIR: folder.path };
    const server = await onRedis(journal);
    await outage.redis.kill();
    await plant(server.url, 8);
    await server.stop();
    const error = await onRedis({ ...journal, ...sealed() }).catch(String);
    expect(error).to.match(/not sealed: start without A2A_ENCRYPTION_REQUIRED/);
  });
});
