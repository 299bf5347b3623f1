import { expect } from 'chai';
import { useFiles } from '../../helpers/files.ts';
import { isCompleted, sendOnce } from '../../helpers/load.ts';
import { type LocalServer, useOutage } from '../../helpers/outage.ts';
import { call, type RpcReply, V1 } from '../../helpers/rpc.ts';
import { encryptionKeysFile, sealerOf } from '../../helpers/sealing.ts';
import { SHELF } from '../../helpers/stored-sessions.ts';

const ONE = `${SHELF}s:one`;
const OTHER = `${SHELF}s:other`;

describe('when somebody who can write to redis has been at sealed sessions', function () {
  this.timeout(30_000);
  const files = useFiles();
  const outage = useOutage({ appendonly: false });
  const serve = (active = 'k1', env: Record<string, string> = {}): Promise<LocalServer> =>
    outage.serveHere({
      A2A_ENCRYPTION_KEYS_FILE: files.write(`${active}.json`, encryptionKeysFile(active)),
      ...env,
    });
  const get = (url: string, id: string): Promise<RpcReply> => call(url, 'GetTask', { id }, V1);

  /** Two sessions of the same shape with three tasks each. */
  async function begin(env: Record<string, string> = {}): Promise<string[]> {
    const server = await serve('k1', env);
    const ids: string[] = [];
    for (const session of ['one', 'other'])
      for (const n of [1, 2, 3])
        ids.push((await sendOnce(server.url, 'v1', `${session} ${n}`, session)).taskId);
    await server.stop();
    return ids;
  }

  /** Each task of the first session but the second still says what it said; nothing of the other session is in it. */
  async function expectSetAside(server: LocalServer, ids: readonly string[], field: string, why: string) {
    const replies = await Promise.all(ids.slice(0, 3).map((id) => get(server.url, id)));
    expect(replies[0]?.text).to.contain('"echo: one 1"');
    expect(replies[2]?.text).to.contain('"echo: one 3"');
    expect(replies.map(({ text }) => text).join()).to.not.contain('other ');
    const sent = await sendOnce(server.url, 'v1', 'more', 'one');
    expect(sent.reply.json.error).to.include({ code: -32603, message: 'damaged' });
    expect(server.logs.of('record_unopened')).to.have.length(1);
    expect(server.logs.of('record_unopened')[0]).to.include({
      level: 'error',
      tenant: 'default',
      sessionId: 'one',
      key: ONE,
      field,
      why,
    });
    expect(server.logs.of('record_damaged')).to.have.length(1);
    expect(server.logs.of('record_damaged')[0]).to.include({ key: ONE, field });
    expect(isCompleted(await sendOnce(server.url, 'v1', 'more', 'other'))).to.equal(true);
    const metrics = await (await fetch(new URL('/metrics', server.url))).text();
    expect(metrics).to.match(new RegExp(`holdfast_unopened_records_total\\{reason="${why}"\\} [1-9]`));
  }

  /** Number of the record with the user's second message. */
  async function secondMessage(): Promise<string> {
    const hash = await outage.client.hgetall(ONE);
    const scope = sealerOf('k1').scope('record', 'default', 'one', hash['e'] ?? '');
    for (let n = 1; n <= Number(hash['v']); n += 1) {
      const opened = scope.open(hash[String(n)] ?? '', n);
      if ('text' in opened && opened.text.startsWith('{"t":"message"') && opened.text.includes('"one 2"'))
        return String(n);
    }
    throw new Error('there is no second message');
  }

  it('a record of another session does not open', async () => {
    const ids = await begin();
    const field = await secondMessage();
    await outage.client.hset(ONE, field, (await outage.client.hget(OTHER, field)) ?? '');
    const before = await outage.client.hgetall(ONE);
    await expectSetAside(await serve(), ids, field, 'not-authentic');
    expect(await outage.client.hgetall(ONE)).to.deep.equal(before);
  });

  it('a record of the same session does not open at another number', async () => {
    const ids = await begin();
    const field = await secondMessage();
    await outage.client.hset(ONE, field, (await outage.client.hget(ONE, '2')) ?? '');
    await expectSetAside(await serve(), ids, field, 'not-authentic');
  });

  it('a record of the session that was here before, under the same id, does not open', async () => {
    await begin();
    const field = await secondMessage();
    const former = (await outage.client.hget(ONE, field)) ?? '';
    await outage.client.flushall();
    const ids = await begin();
    await outage.client.hset(ONE, field, former);
    await expectSetAside(await serve(), ids, field, 'not-authentic');
  });

  const FORGED =
    '{"t":"message","at":1,"task":"x","message":{"messageId":"f","role":"ROLE_USER","parts":[{"text":"other forged"}]}}';

  it('a plain record is not accepted where encryption is required', async () => {
    const required = { A2A_ENCRYPTION_REQUIRED: 'true' };
    const ids = await begin(required);
    const field = await secondMessage();
    await outage.client.hset(ONE, field, FORGED);
    await expectSetAside(await serve('k1', required), ids, field, 'not-sealed');
  });

  it('an unknown key leaves a session readable nowhere, and as it is', async () => {
    const ids = await begin();
    const before = await outage.client.hgetall(ONE);
    const server = await serve('k2');
    expect((await get(server.url, ids[0]!)).json.error).to.not.equal(undefined);
    expect((await sendOnce(server.url, 'v1', 'more', 'one')).reply.json.error).to.include({ code: -32603 });
    expect(server.logs.of('record_unopened')[0]).to.include({ why: 'unknown-key', keyId: 'k1' });
    expect(await outage.client.hgetall(ONE)).to.deep.equal(before);
    expect((await get((await serve('k1')).url, ids[0]!)).text).to.contain('"echo: one 1"');
  });

  it('plain sessions of before go on, and what is new in them is sealed', async () => {
    const plain = await outage.serveHere();
    const { taskId } = await sendOnce(plain.url, 'v1', 'one 1', 'one');
    await plain.stop();
    const server = await serve();
    expect((await get(server.url, taskId)).text).to.contain('"echo: one 1"');
    expect(isCompleted(await sendOnce(server.url, 'v1', 'one 2', 'one'))).to.equal(true);
    const { v, ...hash } = await outage.client.hgetall(ONE);
    expect(hash['1']).to.match(/^\{/);
    expect(hash[v ?? '']).to.match(/^~1\.s\.k1\./);
  });
});
