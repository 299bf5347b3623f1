import { expect } from 'chai';
import { Eraser, ErasureFailedError } from '../../../server/sessions/eraser.ts';
import { type Scope, spaceOf } from '../../../server/security/space.ts';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import { SessionDamagedError } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { errorOf, refOf, Writer } from '../../contract/harness.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';

const began = (subject?: string): string[] => [JSON.stringify({ t: 'created', at: 1, subject }), '2'];

describe('the eraser', () => {
  let store: FaultyStore;
  const eraserOf = (scope: Scope): Eraser =>
    new Eraser({ store, scope, ttlMs: 60_000, deadMs: 1_000, mono: () => performance.now(), waitMs: 0 });
  const idsIn = async (tenant: string): Promise<string[]> =>
    (await store.listSessions(tenant, { limit: 1_000 })).sessions.map(({ sessionId }) => sessionId);
  beforeEach(() => {
    store = new FaultyStore(new MemorySessionStore());
  });

  it('takes what a subject began where sessions are a tenant’s, and says of what it does not know', async () => {
    for (const [id, subject] of [
      ['a1', 'ann'],
      ['a2', 'ann'],
      ['b', 'bob'],
      ['old', undefined],
    ] as const)
      await new Writer(store, refOf(id)).create(began(subject));
    const report = await eraserOf('tenant').erase({ tenant: 'acme', subject: 'ann' });
    expect(report).to.include({ sessions: 2, records: 4, unattributed: 1 });
    expect(await idsIn('acme')).to.deep.equal(['b', 'old']);
    const other = { tenant: 'acme', subject: 'ann', sessionId: 'b' };
    expect(await eraserOf('tenant').erase(other)).to.include({ sessions: 0 });
    expect(await idsIn('acme')).to.deep.equal(['b', 'old']);
  });

  it('leaves what cannot be read where it cannot know whose it is, says so, and goes on', async () => {
    class DamagedStore extends MemorySessionStore {
      override firstRecord(ref: SessionRef): Promise<string | undefined> {
        if (ref.sessionId !== 'bad') return super.firstRecord(ref);
        return Promise.reject(new SessionDamagedError(this.keyOf(ref), 'type'));
      }
    }
    store = new FaultyStore(new DamagedStore());
    for (const id of ['a', 'bad', 'c']) await new Writer(store, refOf(id)).create(began('ann'));
    const report = await eraserOf('tenant').erase({ tenant: 'acme', subject: 'ann' });
    expect(report).to.include({ sessions: 2, unattributed: 1 });
    expect(await idsIn('acme')).to.deep.equal(['bad']);
  });

  it('takes the places of all subjects of a tenant, and their notes, and no other’s', async () => {
    const places = (['ann', 'bob'] as const).map((subject) =>
      spaceOf('subject', { tenant: 'acme', subject }),
    );
    const [ann = '', bob = ''] = places;
    const far = spaceOf('subject', { tenant: 'acme2', subject: 'ann' });
    for (const place of [ann, bob, far]) {
      await new Writer(store, refOf('s', place)).create(began());
      await store.noteTenant(place, 'i1');
    }
    const byOne = await eraserOf('subject').erase({ tenant: 'acme', subject: 'ann' });
    expect([byOne.sessions, await idsIn(ann), await idsIn(bob)]).to.deep.equal([1, [], ['s']]);
    expect(await eraserOf('subject').erase({ tenant: 'acme' })).to.include({ sessions: 1, unattributed: 0 });
    expect([await idsIn(bob), await idsIn(far), await store.tenants()]).to.deep.equal([[], ['s'], [far]]);
  });

  it('takes many pages of sessions', async () => {
    for (let n = 0; n < 1_203; n += 1) await new Writer(store, refOf(`s${n}`)).create(['1']);
    expect(await eraserOf('tenant').erase({ tenant: 'acme' })).to.include({ sessions: 1_203 });
    expect(await idsIn('acme')).to.deep.equal([]);
  });

  it('says what went when the store goes away in the middle, and finishes when it is asked again', async () => {
    for (let n = 0; n < 100; n += 1) await new Writer(store, refOf(`s${n}`)).create(['1']);
    store.fault = (method) => (method === 'erase' && (store.calls.erase ?? 0) > 40 ? 'refuse' : undefined);
    const failed = await errorOf(eraserOf('tenant').erase({ tenant: 'acme' }));
    if (!(failed instanceof ErasureFailedError)) throw failed;
    const { sessions } = failed.done;
    expect(sessions).to.be.within(1, 99);
    store.always(undefined);
    expect(await eraserOf('tenant').erase({ tenant: 'acme' })).to.include({ sessions: 100 - sessions });
  });

  it('names instances that have not answered', async () => {
    await store.beat('busy');
    expect(await eraserOf('tenant').erase({ tenant: 'acme' })).to.deep.include({
      instances: 0,
      unanswered: ['busy'],
    });
  });
});
