import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { type Limited, TurnLimits } from '../../../server/a2a/turn-limits.ts';

describe('the time limits of turns', () => {
  let clock: SinonFakeTimers;
  let told: string[];
  let limits: TurnLimits;

  beforeEach(() => {
    clock = useFakeTimers();
    told = [];
    limits = new TurnLimits(1_000, { now: () => clock.now, mono: () => clock.now });
  });
  afterEach(() => {
    clock.restore();
  });

  const turn = (name: string): Limited => ({ timedOut: () => told.push(`${name} ${clock.now}`) });

  it('tell each when its own time is over', () => {
    limits.begin(turn('a'));
    clock.tick(300);
    limits.begin(turn('b'));
    clock.tick(699);
    expect(told).to.deep.equal([]);
    clock.tick(10_000);
    expect(told).to.deep.equal(['a 1000', 'b 1300']);
  });

  it('tell none that has ended, wherever it stood', () => {
    const begun = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, watched: limits.begin(turn(name)) }));
    for (const { name, watched } of begun) if ('acdf'.includes(name)) limits.end(watched);
    limits.begin(turn('g'));
    clock.tick(1_000);
    expect(told).to.deep.equal(['b 1000', 'e 1000', 'g 1000']);
    for (const { watched } of begun) limits.end(watched);
    limits.begin(turn('h'));
    clock.tick(1_000);
    expect(told.slice(3)).to.deep.equal(['h 2000']);
  });

  it('go on when one that is told ends another, or begins one', () => {
    const more: Limited = {
      timedOut: () => {
        limits.end(b);
        limits.begin(turn('c'));
      },
    };
    limits.begin(more);
    const b = limits.begin(turn('b'));
    clock.tick(5_000);
    expect(told).to.deep.equal(['c 2000']);
  });

  it('start no timer while one stands', () => {
    for (let i = 0; i < 5; i += 1) limits.end(limits.begin(turn('x')));
    limits.begin(turn('y'));
    expect(clock.countTimers()).to.equal(1);
  });
});
