import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../../protocol/errors.ts';
import { PageTokens } from '../../../server/a2a/page-token.ts';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';

const SCOPE = ['tasks', 'acme', 'ann', null, null, null];
const PLACE = '998.s.1.c';
const MINUTE = 60_000;

describe('the tokens of pages', () => {
  let now: number;
  let store: FaultyStore;
  let tokens: PageTokens;
  const begin = (at: FaultyStore = store): PageTokens => new PageTokens(at, () => now);
  beforeEach(() => {
    now = 0;
    store = new FaultyStore(new MemorySessionStore());
    tokens = begin();
  });

  const refused = async (token: string, scope: readonly unknown[] = SCOPE, at = tokens): Promise<void> => {
    const error: unknown = await at.read(token, scope).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ProtocolError);
    expect((error as ProtocolError).violations.map(({ field }) => field)).to.deep.equal(['pageToken']);
  };

  it('are read by every instance of the store, and after a restart', async () => {
    const token = await tokens.make(PLACE, SCOPE);
    expect(await tokens.read(token, SCOPE)).to.equal(PLACE);
    expect(await begin().read(token, SCOPE)).to.equal(PLACE);
  });

  it('of another store, caller or filter are refused', async () => {
    const token = await tokens.make(PLACE, SCOPE);
    await refused(token, SCOPE, begin(new FaultyStore(new MemorySessionStore())));
    for (const [i, other] of [[0, 'webhooks'] as const, [1, 'evil'] as const, [2, 'bob'] as const])
      await refused(
        token,
        SCOPE.map((value, at) => (at === i ? other : value)),
      );
    await refused(token, [...SCOPE.slice(0, 5), 0]);
  });

  it('are not what anybody can work out', async () => {
    const digest = createHash('sha256')
      .update(JSON.stringify([PLACE, ...SCOPE]))
      .digest();
    for (const bytes of [12, 16, 32])
      await refused(Buffer.concat([digest.subarray(0, bytes), Buffer.from(PLACE)]).toString('base64url'));
    await refused(Buffer.concat([Buffer.alloc(16), Buffer.from(PLACE)]).toString('base64url'));
  });

  it('are refused with any one bit changed, cut off or added to', async () => {
    const bytes = Buffer.from(await tokens.make(PLACE, SCOPE), 'base64url');
    for (let i = 0; i < bytes.length * 8; i++) {
      const other = Buffer.from(bytes);
      other[i >> 3]! ^= 1 << (i & 7);
      await refused(other.toString('base64url'));
    }
    for (const length of [0, 1, 15, 16, bytes.length - 1])
      await refused(bytes.subarray(0, length).toString('base64url'));
    await refused(Buffer.concat([bytes, Buffer.from('x')]).toString('base64url'));
    await refused(`${bytes.toString('base64url')}=`);
    await refused(`${bytes.toString('base64url')} `);
  });

  it('have their key asked for once a minute, and go on without the store then', async () => {
    const token = await tokens.make(PLACE, SCOPE);
    now = MINUTE - 1;
    await tokens.read(token, SCOPE);
    expect(store.calls.shared).to.equal(1);
    now = MINUTE;
    store.always('refuse');
    expect(await tokens.read(token, SCOPE)).to.equal(PLACE);
    expect(store.calls.shared).to.equal(2);
  });

  it('cannot be made or read while the key has never been read', async () => {
    const token = await begin().make(PLACE, SCOPE);
    store.always('refuse');
    for (const work of [tokens.make(PLACE, SCOPE), tokens.read(token, SCOPE)])
      expect(await work.catch((reason: unknown) => reason)).to.be.instanceOf(StoreUnavailableError);
  });

  it('are one key again after the store has lost it', async () => {
    const emptied = new Map<string, string>();
    const both = [0, 1].map(
      () =>
        new PageTokens(
          {
            shared: (name, value) => {
              if (!emptied.has(name)) emptied.set(name, value);
              return Promise.resolve(emptied.get(name)!);
            },
          },
          () => now,
        ),
    ) as [PageTokens, PageTokens];
    await both[0].make(PLACE, SCOPE);
    emptied.clear();
    await both[1].make(PLACE, SCOPE);
    now = MINUTE;
    expect(await both[1].read(await both[0].make(PLACE, SCOPE), SCOPE)).to.equal(PLACE);
  });
});
