import { expect } from 'chai';
import { spaceOf } from '../../../server/security/space.ts';
import { StoreCensus, type TenantCensus } from '../../../server/sessions/store-census.ts';

const DONE = 'TASK_STATE_COMPLETED';

/** A store of so many places, each with one session and one completed task. */
function useCensus(places: string[]) {
  const state = {
    away: false,
    now: 0,
    counted: [] as string[],
    census: undefined as TenantCensus | undefined,
  };
  const one: TenantCensus = { tasks: new Map([[DONE, 1]]), sessions: 1, outbox: 1 };
  const census = new StoreCensus({
    store: {
      tenants: () => Promise.resolve(places),
      census: (place) => {
        state.counted.push(place);
        return state.census === undefined ? Promise.reject(new Error('no')) : Promise.resolve(state.census);
      },
    },
    isAway: () => state.away,
    mono: () => state.now,
  });
  state.census = one;
  return { census, state };
}

describe('the census of the store', () => {
  it('makes nobody wait: it tells what was counted last, and counts when it is asked and that is 15 s old', async () => {
    const { census, state } = useCensus(['acme', 'globex']);
    expect(state.counted).to.deep.equal([]);
    expect(census.latest).to.equal(undefined);
    await census.refresh();
    expect(state.counted).to.deep.equal(['acme', 'globex']);
    for (let i = 0; i < 5; i += 1) expect(census.latest?.sessions).to.equal(2);
    await census.refresh();
    state.now += 14_999;
    await census.refresh();
    expect(state.counted).to.have.length(2);
    state.now += 1;
    expect(census.latest?.tasks.get(DONE)).to.equal(2);
    await census.refresh();
    expect(state.counted).to.have.length(4);
  });

  it('adds up the subjects of a tenant', async () => {
    const places = ['ada', 'bob'].map((subject) => spaceOf('subject', { tenant: 'acme', subject }));
    const { census } = useCensus([...places, 'globex']);
    await census.refresh();
    const { sessionsOf, sessions, outbox, tasks } = census.latest ?? {};
    expect([...(sessionsOf ?? [])]).to.deep.equal([
      ['acme', 2],
      ['globex', 1],
    ]);
    expect([sessions, outbox, tasks?.get(DONE)]).to.deep.equal([3, 3, 3]);
  });

  it('says nothing of what the store cannot count at once', async () => {
    const { census, state } = useCensus(['acme']);
    state.census = { tasks: new Map([[DONE, 7]]) };
    await census.refresh();
    expect(census.latest).to.deep.include({ tasks: new Map([[DONE, 7]]) });
    expect(census.latest).to.not.have.any.keys('sessions', 'outbox');
  });

  it('says nothing old while the store is away or does not answer', async () => {
    const { census, state } = useCensus(['acme']);
    await census.refresh();
    state.away = true;
    state.now += 60_000;
    expect(census.latest).to.equal(undefined);
    expect(state.counted).to.have.length(1);
    state.away = false;
    state.census = undefined;
    await census.refresh();
    expect(state.counted).to.have.length(2);
    expect(census.latest).to.equal(undefined);
  });

  it('leaves a store alone that has too many places', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);
    const most = useCensus(many(1_000));
    await most.census.refresh();
    expect(most.census.latest?.sessions).to.equal(1_000);
    const { census, state } = useCensus(many(1_001));
    await census.refresh();
    expect([census.latest, state.counted.length]).to.deep.equal([undefined, 0]);
  });
});
