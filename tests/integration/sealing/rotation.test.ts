import { expect } from 'chai';
import { chmodSync } from 'node:fs';
import { useFiles } from '../../helpers/files.ts';
import { acknowledged, isCompleted, Load } from '../../helpers/load.ts';
import { expectTold, type LocalServer, useOutage } from '../../helpers/outage.ts';
import { encryptionKeysFile } from '../../helpers/sealing.ts';
import { SHELF } from '../../helpers/stored-sessions.ts';

describe('keys that are rotated under load', function () {
  this.timeout(60_000);
  const files = useFiles();
  const outage = useOutage({ appendonly: false });
  const write = (name: string, active: string, ...others: string[]): string =>
    files.write(name, encryptionKeysFile(active, ...others));
  const serve = (path: string): Promise<LocalServer> =>
    outage.serveHere({ A2A_ENCRYPTION_KEYS_FILE: path, A2A_ENCRYPTION_REQUIRED: 'true' });

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

  it('lose nothing, although two instances read their files at different moments', async () => {
    const a = await serve(write('a.json', 'k1'));
    const b = await serve(write('b.json', 'k1'));
    const load = new Load([a.url, b.url], { perSecond: 60, conversations: 8 }).start();
    await load.answered(60);
    // `b` has not read its file again when the first record with the new key comes to it
    write('b.json', 'k1', 'k2');
    write('a.json', 'k2', 'k1');
    await a.logs.next('encryption_keys_read');
    await b.logs.next('encryption_keys_read');
    await load.answered(60);
    write('b.json', 'k2', 'k1');
    await b.logs.next('encryption_keys_read', 10_000, 2);
    await load.answered(60);
    const sent = await load.stop();

    expect(sent.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
    const keys = await outage.client.keys(`${SHELF}s:*`);
    const hashes = await Promise.all(keys.map((key) => outage.client.hgetall(key)));
    const records = hashes.flatMap((hash) => Object.entries(hash).filter(([field]) => /^\d+$/.test(field)));
    const sealedWith = (id: string): number =>
      records.filter(([, text]) => text.startsWith(`~1.s.${id}.`)).length;
    expect(sealedWith('k1')).to.be.above(60);
    expect(sealedWith('k2')).to.be.above(60);
    expect(sealedWith('k1') + sealedWith('k2')).to.equal(records.length);

    const anew = await serve(write('anew.json', 'k2', 'k1'));
    await expectTold(anew.url, sent);
    expect(acknowledged(sent).size).to.be.above(20);
    expectAllOpened(a, b, anew);
  });

  it('stay as they are while the file is broken, and are read once it is not', async () => {
    const path = write('c.json', 'k1');
    chmodSync(path, 0o644);
    const server = await serve(path);
    expect(server.logs.of('encryption_keys_exposed')).to.have.length(1);
    files.write('c.json', '{"active":"k2"');
    const refused = await server.logs.next('encryption_keys_refused');
    expect(refused).to.deep.include({ level: 'error', problems: ['is not JSON'] });
    const load = new Load([server.url], { perSecond: 60, conversations: 4 }).start();
    await load.answered(10);
    write('c.json', 'k2', 'k1');
    const read = await server.logs.next('encryption_keys_read');
    expect(read).to.deep.include({ active: 'k2', keys: ['k2', 'k1'] });
    await load.answered(10);
    const sent = await load.stop();
    await expectTold(server.url, sent);
    expectAllOpened(server);
  });
});
