import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const PRELOAD = new URL('../../scripts/evidence/faults/clock-shift.mjs', import.meta.url).href;
const ASK = `
const now = Date.now();
console.log(JSON.stringify({
  now,
  made: new Date().getTime(),
  said: Date.parse(Date()),
  plain: new Date(5).getTime(),
  mono: performance.timeOrigin + performance.now(),
  isDate: new Date() instanceof Date && new Date(5).constructor === Date && Date.UTC(1970, 0) === 0,
}));`;

interface Told {
  now: number;
  made: number;
  said: number;
  plain: number;
  mono: number;
  isDate: boolean;
}

async function ask(shiftMs: string): Promise<Told> {
  const env = {
    PATH: process.env['PATH'],
    NODE_OPTIONS: `--import=${PRELOAD}`,
    HOLDFAST_CLOCK_SHIFT_MS: shiftMs,
  };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', ASK], { env });
  return JSON.parse(stdout) as Told;
}

describe('the clock shift of the evidence', () => {
  for (const minutes of [15, -15]) {
    it(`sets the wall clock of a process ${minutes} minutes off, and no other`, async () => {
      const shiftMs = minutes * 60_000;
      const told = await ask(String(shiftMs));
      const { now } = Date;
      // The start of a process is a matter of seconds, the shift one of minutes.
      expect(told.now - now() - shiftMs).to.be.within(-10_000, 1_000);
      expect(told.made - told.now).to.be.within(0, 1_000);
      expect(told.said - told.now).to.be.within(-1_000, 1_000);
      expect(told.mono - now()).to.be.within(-10_000, 1_000);
      expect(told.plain).to.equal(5);
      expect(told.isDate).to.equal(true);
    });
  }
});
