/** Who takes up room or guesses keys does not keep others out. Counted: no speed decides. */
import { expect } from 'chai';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Crowd } from '../../scripts/flood/crowd.ts';
import { JSON_TYPE, raw, SEND, useDoor } from '../helpers/door.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { post, sendV1 } from '../helpers/rpc.ts';
import { ScriptedStream, taskEvent } from '../helpers/scripted-stream.ts';

const streamBody = (n: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id: n, method: 'SendStreamingMessage', params: sendV1(`m${n}`, 'x') });

describe('beside 1,000 idle connections, 200 slow bodies and 200 silent streams', () => {
  const used = useDoor();
  const { door } = used;
  let crowd: Crowd | undefined;
  afterEach(() => {
    crowd?.leave();
  });

  it('no other request is refused, and none of the crowd is lost before its time', async () => {
    used.backend.onStream = () => used.backend.streamOf(new ScriptedStream(taskEvent()));
    crowd = new Crowd(door.url);
    await crowd.open({ idle: 1_000, slowBodies: 200, silentStreams: 200 }, streamBody);
    const statuses = new Map<number, number>();
    for (let round = 0; round < 10; round++) {
      const replies = await Promise.all(Array.from({ length: 50 }, () => post(door.url, SEND)));
      for (const { status } of replies) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses]).to.deep.equal([[200, 500]]);
    expect((await door.server.metrics.streamsOpen.get()).values[0]?.value).to.equal(200);
  });
});

describe('beside an address that tries thousands of keys', () => {
  const files = useFiles();
  const GOOD = 'good-4Zb1uT9-known';
  const used = useDoor({
    A2A_API_KEYS_FILE: files.write('keys.json', keysFile({ key: GOOD, tenant: 'acme' })),
    A2A_TRUST_PROXY_HOPS: '1',
  });
  const { door } = used;
  const { hash } = crypto;
  let hashed = 0;
  beforeEach(() => {
    hashed = 0;
    const counted = (...args: Parameters<typeof hash>): ReturnType<typeof hash> => {
      hashed++;
      return hash(...args);
    };
    Object.assign(crypto, { hash: counted });
    syncBuiltinESMExports();
  });
  afterEach(() => {
    Object.assign(crypto, { hash });
    syncBuiltinESMExports();
  });

  const ask = (key: string, address: string): Promise<number> =>
    raw(door.url, { headers: { ...JSON_TYPE, ...withKey(key), 'X-Forwarded-For': address } }, SEND).then(
      ({ status }) => status,
    );

  it('others are served, and what fails is hashed a few times only', async () => {
    const began = performance.now();
    const statuses = new Map<number, number>();
    const good: number[] = [];
    for (let round = 0; round < 20; round++) {
      const wrong = Array.from({ length: 100 }, (_, i) => ask(`wrong-${round}-${i}-key`, '203.0.113.7'));
      good.push(await ask(GOOD, '203.0.113.8'));
      for (const status of await Promise.all(wrong)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const seconds = (performance.now() - began) / 1000;
    expect(good).to.deep.equal(good.map(() => 200));
    expect([...statuses.keys()].sort()).to.deep.equal([401, 429]);
    expect((statuses.get(401) ?? 0) + (statuses.get(429) ?? 0)).to.equal(2_000);
    // one for each that was looked at: the burst, what came again with time, and the good ones
    const most = 20 + 2 * seconds + 1;
    expect(statuses.get(401)).to.be.within(20, most);
    expect(hashed).to.equal((statuses.get(401) ?? 0) + good.length);
    expect(door.logs.of('credentials_turned_away')).to.have.length(1);
    expect(door.logs.of('credentials_turned_away')[0]).to.include({ address: '203.0.113.7' });
  });

  it('a known key goes on from behind the same address', async () => {
    expect(await ask(GOOD, '203.0.113.7')).to.equal(200);
    for (let i = 0; i < 30; i++) await ask(`wrong-${i}-key`, '203.0.113.7');
    expect(await ask('wrong-once-more', '203.0.113.7')).to.equal(429);
    expect(await ask(GOOD, '203.0.113.7')).to.equal(200);
  });
});
