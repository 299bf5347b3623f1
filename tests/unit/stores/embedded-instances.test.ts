import { expect } from 'chai';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { Writer, refOf } from '../../contract/harness.ts';
import { eventually } from '../../helpers/eventually.ts';

const DAY = 86_400_000;

describe('the registry of an embedded store', () => {
  let now: number;
  let store: MemorySessionStore;
  beforeEach(() => {
    now = 1_700_000_000_000;
    store = new MemorySessionStore(() => now);
  });

  it('forgets who was silent for more than a day, gone or not, with what he noted', async () => {
    for (const instance of ['silent', 'left']) {
      await store.beat(instance);
      await store.noteTenant('acme', instance);
    }
    now += 1_000;
    await store.leave('left');
    now += DAY - 1_000;
    expect(await store.instances()).to.deep.equal([
      { instance: 'silent', ageMs: DAY },
      { instance: 'left', ageMs: Infinity },
    ]);
    now += 1;
    expect((await store.instances()).map(({ instance }) => instance)).to.deep.equal(['left']);
    now += 1_000;
    expect(await store.instances()).to.deep.equal([]);
    expect([await store.tenantsOf('silent'), await store.tenantsOf('left')]).to.deep.equal([[], []]);
    expect(await store.tenants()).to.deep.equal(['acme']);
  });

  it('tells watchers after the write, each in a turn of its own', async () => {
    const told: string[] = [];
    const unwatch = await store.watch(refOf(), () => {
      told.push('first');
      second();
    });
    const second = await store.watch(refOf(), () => told.push('second'));
    const writer = await new Writer(store).create(['1']);
    await eventually(() => told.length > 0);
    unwatch();
    await store.watch(refOf(), () => told.push('third'));
    await writer.append(['2']);
    await eventually(() => told.includes('third'));
    expect(told).to.deep.equal(['first', 'third']);
  });

  it('says that it keeps nothing', async () => {
    const [warning] = await store.warnings();
    expect(warning).to.include({ concern: 'volatile' });
    expect(warning?.text).to.contain('A2A_STORE');
  });
});
