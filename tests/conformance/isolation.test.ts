/**
 * Who may reach what, for every operation in every dialect: what belongs to somebody else is answered as what never was,
 * asked for as that, and left as it was. Over HTTP, with keys, on a real Redis.
 */
import { expect } from 'chai';
import { spaceOf } from '../../server/security/space.ts';
import { ASKS, MISSING, type Ask } from './isolation-asks.ts';
import type { Caller } from './isolation-callers.ts';
import { gist, plain, useWorld, type Reply, type World } from './isolation-world.ts';
import type { Known } from './isolation-asks.ts';

const titleOf = ({ method, dialect, by }: Ask): string => `${method} (${dialect}) by ${by}`;
const codeOf = ({ text }: Reply): number =>
  (JSON.parse(text) as { error?: { code: number } }).error?.code ?? 0;

/** What a call has counted. */
async function counting(world: World, run: () => Promise<Reply>): Promise<[Reply, string[]]> {
  const before = await world.counted();
  const reply = await run();
  const after = await world.counted();
  const grown = [...after].filter(([name, value]) => value !== (before.get(name) ?? 0));
  return [reply, grown.map(([name, value]) => `${name} ${value - (before.get(name) ?? 0)}`).sort()];
}

describe('every operation', () => {
  it('is asked for in every dialect that has it', () => {
    expect(MISSING).to.deep.equal([]);
  });
});

/** One for each operation: a credential of another kind leads to the same callers. */
const SOME = ASKS.filter(
  ({ operation, dialect }, i) =>
    ASKS.findIndex((ask) => ask.operation === operation && ask.dialect === dialect) === i && dialect === 'v1',
);

/** After so many nobody needs more: where a wall is down every row fails, each after its whole time. */
const FAILURES_ARE_ENOUGH = 3;

function endEarly(): void {
  let failures = 0;
  beforeEach(function () {
    if (failures >= FAILURES_ARE_ENOUGH) this.skip();
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) failures++;
  });
}

async function expectNothing(world: World, caller: Caller, space: string, ask: Ask): Promise<void> {
  const [owned, made] = [await world.own(), world.made()];
  const stored = await world.stored();
  world.calls.length = 0;
  const [unknown, counted] = await counting(world, () => world.ask(caller, ask, made));
  const calls = world.calls.splice(0);
  const [foreign, countedToo] = await counting(world, () => world.ask(caller, ask, owned));
  const callsToo = world.calls.splice(0);

  if (ask.foreign === 'unknown') expect(codeOf(foreign)).to.equal(-32001);
  else if (ask.foreign === 'refused') expect(codeOf(foreign)).to.equal(-32602);
  else expect(foreign.text).to.not.contain('"error"');
  expect(gist(foreign, owned)).to.equal(gist(unknown, made));
  expect(foreign.text).to.not.contain('secret of ann');
  // The store was asked for the same, and only where the caller's own is.
  const said = (all: typeof calls, known: Known): string[] =>
    all.map(({ method, args }) => `${method} ${plain(JSON.stringify(args), known)}`);
  if (ask.foreign === 'unknown') {
    expect(said(callsToo, owned)).to.deep.equal(said(calls, made));
    expect(countedToo).to.deep.equal(counted);
  }
  for (const { args } of callsToo) {
    const [first] = args as [string | { tenant: string }];
    expect(typeof first === 'string' ? first : first.tenant).to.equal(space);
  }
  expect(await world.stored()).to.deep.equal(stored);
}

for (const scope of ['tenant', 'subject'] as const) {
  describe(`where sessions are shared by ${scope}`, () => {
    const used = useWorld(scope);
    endEarly();
    const strangers = scope === 'tenant' ? (['tenant'] as const) : (['tenant', 'subject'] as const);

    for (const caller of strangers) {
      const space = spaceOf(
        scope,
        caller === 'tenant' ? { tenant: 'rival', subject: 'ann' } : { tenant: 'acme', subject: 'bob' },
      );

      for (const ask of ASKS) {
        it(`${titleOf(ask)} tells another ${caller} nothing and does nothing`, () =>
          expectNothing(used.world, caller, space, ask));
      }
      for (const ask of SOME) {
        it(`${titleOf(ask)} tells another ${caller} with a token nothing and does nothing`, () =>
          expectNothing(used.world, `${caller} by token`, space, ask));
      }
    }

    for (const caller of [
      ...(['none', 'wrong', 'expired', 'roleless', 'expired token', 'roleless by token'] as const),
    ]) {
      const isRoleless = caller.startsWith('roleless');
      it(`nothing is answered to whoever comes as: ${caller}`, async () => {
        const { world } = used;
        const owned = await world.own();
        const stored = await world.stored();
        world.calls.length = 0;
        for (const ask of ASKS) {
          const made = world.made();
          const foreign = await world.ask(caller, ask, owned);
          expect(foreign.status, titleOf(ask)).to.equal(isRoleless ? 403 : 401);
          expect(foreign.headers.get('WWW-Authenticate')).to.match(/^Bearer/);
          expect(codeOf(foreign)).to.be.below(0);
          expect(gist(foreign, owned)).to.equal(gist(await world.ask(caller, ask, made), made));
        }
        expect(world.calls).to.deep.equal([]);
        expect(await world.stored()).to.deep.equal(stored);
      });
    }
  });

  describe(`with ${scope} for a scope, what is one's own`, () => {
    const used = useWorld(scope);
    endEarly();
    const friends: Caller[] = scope === 'tenant' ? ['owner', 'subject'] : ['owner'];

    for (const caller of friends) {
      const asks = [
        ...ASKS.filter(({ foreign }) => foreign !== 'refused' || caller === 'owner').map(
          (ask) => [caller, ask] as const,
        ),
        ...SOME.filter(() => caller === 'owner').map((ask) => ['owner by token', ask] as const),
      ];
      for (const [as, ask] of asks) {
        it(`is reached by ${titleOf(ask)} (${as})`, async () => {
          const { world } = used;
          const owned = await world.own();
          const reply = await world.ask(as, ask, owned);
          expect(reply.status).to.equal(200);
          // one that waits for more can be canceled, read, followed and answered
          expect(reply.text).to.not.contain('"error"');
          if (ask.by === 'a reference to its task') expect(reply.text).to.contain('INPUT_REQUIRED');
        });
      }
    }
  });
}
