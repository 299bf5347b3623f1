import { expect } from 'chai';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AuditFile } from '../../../server/observability/audit-file.ts';
import { toAuditLine } from '../../../server/observability/audit.ts';
import { FailedAttempts } from '../../../server/security/failed-attempts.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useFolder } from '../../helpers/files.ts';

describe('a line of the audit stream', () => {
  it('is one line, whatever others have chosen to be called', () => {
    const who = { tenant: 'a\n{"event":"x"}', subject: `b\u2028\u0007\u202e\u2066${'c'.repeat(2_000)}` };
    const line = toAuditLine(0, 'access_denied', { who, from: '10.0.0.1' });
    expect(line).to.not.match(/[\p{Cc}\u2028\u202e\u2066]/u);
    expect(JSON.parse(line)).to.deep.include({
      stream: 'audit',
      at: '1970-01-01T00:00:00.000Z',
      event: 'access_denied',
      from: '10.0.0.1',
    });
    expect(line.length).to.be.below(1_000);
  });
});

describe('the file of the audit stream', () => {
  const folder = useFolder();
  let lost: number;
  let mono: number;
  let file: AuditFile;
  const path = (): string => join(folder.path, 'audit.log');
  const linesOf = (name = path()): string[] => readFileSync(name, 'utf8').split('\n').slice(0, -1);
  beforeEach(() => {
    [lost, mono] = [0, 0];
    file = new AuditFile({ path: path(), mono: () => mono, onLost: (lines) => (lost += lines) });
  });
  afterEach(() => file.close());

  it('is readable by its owner alone, and appended to', async () => {
    file.write('1\n');
    file.write('2\n');
    await file.close();
    expect(statSync(path()).mode & 0o777).to.equal(0o600);
    file.write('3\n');
    await file.close();
    expect(linesOf()).to.deep.equal(['1', '2', '3']);
  });

  it('is begun anew when it was renamed', async () => {
    file.write('1\n');
    await eventually(() => linesOf().length === 1);
    renameSync(path(), `${path()}.1`);
    mono += 1_000;
    file.write('2\n');
    await file.close();
    expect([linesOf(`${path()}.1`), linesOf()]).to.deep.equal([['1'], ['2']]);
  });

  it('loses lines when it cannot be written, says how many, and goes on when it can', async () => {
    const missing = new AuditFile({
      path: join(path(), 'x'),
      mono: () => mono,
      onLost: (lines) => (lost += lines),
    });
    for (let n = 0; n < 3; n += 1) missing.write('x\n');
    await missing.close();
    expect(lost).to.equal(3);
    for (let n = 0; n < 10_003; n += 1) file.write(`${n}\n`);
    await file.close();
    expect([lost, linesOf().length]).to.deep.equal([6, 10_000]);
  });
});

describe('failed attempts', () => {
  it('are told at once, then once a minute with how often, and none is lost', async () => {
    const told: string[] = [];
    let sum = 0;
    const attempts = new FailedAttempts(({ from, why }, count) => {
      told.push(`${from} ${why} ${count}`);
      sum += count;
    }, 50);
    for (let n = 0; n < 2_000; n += 1) attempts.failed({ from: '10.0.0.1', why: 'wrong' });
    attempts.failed({ from: '10.0.0.1', why: 'missing' });
    expect(told).to.deep.equal(['10.0.0.1 wrong 1', '10.0.0.1 missing 1']);
    await eventually(() => told.includes('10.0.0.1 wrong 1999'));
    for (let n = 0; n < 15_000; n += 1) attempts.failed({ from: `10.1.${n >> 8}.${n & 255}`, why: 'wrong' });
    attempts.failed({ from: '10.1.58.0', why: 'wrong' });
    attempts.close();
    expect(sum).to.equal(2_001 + 15_001);
  });
});
