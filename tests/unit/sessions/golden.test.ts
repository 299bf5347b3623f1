/** Records that are kept in a file as releases have written them: they are read for as long as stores may hold them. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { JournalScan } from '../../../server/sessions/journal-scan.ts';
import { seen } from './seen.ts';

interface Golden {
  readonly epoch: string;
  readonly records: readonly string[];
  readonly fold: object;
}

const golden = JSON.parse(readFileSync('tests/golden/records-schema-1.json', 'utf8')) as Golden;

function foldOf(records: readonly (string | null)[]): JournalScan {
  const scan = new JournalScan({ tenant: 'acme', sessionId: 'golden' }, golden.epoch);
  records.forEach((json, i) => scan.take({ n: i + 1, json }));
  return scan;
}

/** Every type that this release writes. */
const TYPES =
  'created message task run status cancel handover artifact chunk reply state push unpush receipt compacted refused';

/** As chunks were written before they had a short form. */
function inFull(json: string): string {
  const value = JSON.parse(json) as { t: string; is?: unknown[]; o?: string; p?: string };
  if (value.t !== 'chunk' || value.is === undefined) return json;
  const [at, task, by, artifactId, text, name] = value.is;
  const artifact = { artifactId, ...(name !== undefined && { name }), parts: [{ text }] };
  const { o, p } = value;
  const run = `inst-A.${String(by)}`;
  return JSON.stringify({
    t: 'artifact',
    at,
    task,
    by: run,
    artifact,
    append: true,
    ...(o && { o }),
    ...(p && { p }),
  });
}

describe('records of schema 1', () => {
  it('are in the file in every type', () => {
    const types = golden.records.map((json) => (JSON.parse(json) as { t: string }).t);
    expect([...new Set(types)].sort()).to.deep.equal(TYPES.split(' ').sort());
  });

  it('come to the session that they came to when they were written', () => {
    const scan = foldOf(golden.records);
    expect([scan.damaged, scan.unknown, scan.lost]).to.deep.equal([[], [], []]);
    expect(seen(scan.session)).to.deep.equal(golden.fold);
  });

  it('come to the same session in the form that chunks had before', () => {
    const earlier = golden.records.map(inFull);
    expect(earlier.filter((json, i) => json !== golden.records[i])).to.have.length(2);
    expect(seen(foldOf(earlier).session)).to.deep.equal(golden.fold);
  });

  it('stand beside a later type, which is kept: passed over where it says so, else the session is read-only', () => {
    const later = (skippable: boolean): string =>
      JSON.stringify({ t: 'hologram', at: 1, task: 'one', ...(skippable && { skippable }), o: 'inst-C.1' });
    const passed = foldOf([...golden.records, later(true)]);
    expect([passed.unknown, passed.session.readOnly]).to.deep.equal([[golden.records.length + 1], false]);
    const kept = foldOf([...golden.records, later(false)]);
    expect([kept.session.readOnly, kept.session.head]).to.deep.equal([true, golden.records.length + 1]);
    const tasks = (scan: JournalScan) => (seen(scan.session) as { shown: unknown }).shown;
    for (const scan of [passed, kept])
      expect(tasks(scan)).to.deep.equal((golden.fold as { shown: unknown }).shown);
  });

  it('of a known type and a later version are not guessed at', () => {
    const [first = ''] = golden.records;
    const scan = foldOf([first.replace('"t":"created"', '"t":"created","v":2')]);
    expect([scan.unknown, scan.session.readOnly]).to.deep.equal([[1], true]);
  });
});
