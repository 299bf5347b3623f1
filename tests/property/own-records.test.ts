import { expect } from 'chai';
import fc from 'fast-check';
import { OwnRecords, type AcknowledgedChange } from '../../server/sessions/own-records.ts';
import { formatIdentity, toDecided, type DecidedRecord } from '../../server/sessions/records.ts';
import type { Cursor } from '../../server/sessions/session-store.ts';
import { refOf, userMessage } from '../helpers/sessions.ts';

interface Kept {
  readonly change: AcknowledgedChange;
  readonly cursor: Cursor;
  readonly at: number;
}

/** What is to be kept of a minute, in as few words as possible. */
class Model {
  now = 0;
  sessions = new Map<string, Kept[]>();

  changesOf(id: string): Kept[] {
    const young = (this.sessions.get(id) ?? []).filter(({ at }) => at >= this.now - 60_000);
    this.sessions.set(id, young);
    return young;
  }
  keep(id: string, cursor: Cursor, change: AcknowledgedChange): void {
    if (change.records.length === 0) return;
    const ofEpoch = this.changesOf(id).filter((kept) => kept.cursor.epoch === cursor.epoch);
    this.sessions.set(id, [...ofEpoch, { change, cursor, at: this.now }]);
  }
  keepFound(id: string, cursor: Cursor, records: readonly DecidedRecord[]): void {
    const ofEpoch = this.changesOf(id).filter((kept) => kept.cursor.epoch === cursor.epoch);
    const known = ofEpoch.flatMap(({ change }) => change.records.map(({ identity }) => identity.seq));
    const runs: DecidedRecord[][] = [[]];
    for (const record of records)
      if (known.includes(record.identity.seq)) runs.push([]);
      else runs.at(-1)?.push(record);
    for (const run of runs) this.keep(id, cursor, { records: run, since: 0, slides: true });
  }
  takeMissing(id: string, epoch: string, upTo: number): AcknowledgedChange[] {
    const changes = this.changesOf(id);
    const missing = changes.filter(
      ({ change, cursor }) =>
        cursor.epoch === epoch && change.records.some(({ identity }) => identity.seq > upTo),
    );
    this.sessions.set(
      id,
      changes.filter((kept) => !missing.includes(kept)),
    );
    return missing
      .map(({ change }) => change)
      .toSorted((a, b) => (a.records[0]?.identity.seq ?? 0) - (b.records[0]?.identity.seq ?? 0));
  }
  looked(before: number): string[] {
    const looked = [...this.sessions.keys()].map((id) => [id, this.changesOf(id)] as const);
    return looked
      .filter(([, [first]]) => first !== undefined && first.at < before)
      .map(([id, changes]) => `${id} ${JSON.stringify(changes.at(-1)?.cursor)}`);
  }
}

const id = fc.constantFrom('a', 'b', 'ü');
const epoch = fc.constantFrom('e1', 'e1', 'e1', 'e2');
/** Mostly small; now and then so large that slabs are left behind, or one is not enough. */
const size = fc.oneof(fc.nat(300), fc.nat(300), fc.nat(40_000), fc.nat(300_000));
const step = fc.oneof(
  fc.record({ do: fc.constant('keep' as const), id, epoch, sizes: fc.array(size, { maxLength: 3 }) }),
  fc.record({ do: fc.constant('keep' as const), id, epoch, sizes: fc.array(size, { maxLength: 3 }) }),
  fc.record({ do: fc.constant('found' as const), id, epoch, back: fc.nat(6) }),
  fc.record({ do: fc.constant('take' as const), id, epoch, back: fc.nat(8) }),
  fc.record({ do: fc.constant('forget' as const), id }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(100), fc.nat(50_000)) }),
);

describe('what this process has stored lately, whatever happens', () => {
  it('is what a list of it would be', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const model = new Model();
        const own = new OwnRecords({ mono: () => model.now });
        const made: DecidedRecord[] = [];
        const make = (chars: number): DecidedRecord => {
          const seq = made.length + 1;
          const message = userMessage('é'.repeat(chars / 2) + 'x'.repeat(chars % 2), `${seq}`);
          made.push(toDecided({ instance: 'i1', seq }, { t: 'message', at: seq, task: 't1', message }));
          return made.at(-1) as DecidedRecord;
        };
        const given = (changes: readonly AcknowledgedChange[]): string[] =>
          changes.map(({ records, since }) => {
            for (const record of records) expect(record).to.deep.equal(made[record.identity.seq - 1]);
            return `${since} ${records.map(({ identity }) => formatIdentity(identity)).join()}`;
          });
        for (const [n, one] of steps.entries()) {
          const cursor = { epoch: 'epoch' in one ? one.epoch : '', head: n, w: `i1.${n}:é` };
          if (one.do === 'keep') {
            const change = { records: one.sizes.map(make), since: n, slides: true };
            model.keep(one.id, cursor, change);
            own.keep(refOf(one.id), cursor, change);
          } else if (one.do === 'found') {
            const records = made.slice(made.length - Math.min(made.length, one.back));
            model.keepFound(one.id, cursor, records);
            own.keepFound(refOf(one.id), cursor, records, 0);
          } else if (one.do === 'take') {
            const upTo = made.length - one.back;
            const missing = own.takeMissing(refOf(one.id), one.epoch, () => upTo);
            expect(given(missing)).to.deep.equal(given(model.takeMissing(one.id, one.epoch, upTo)));
          } else if (one.do === 'forget') {
            model.sessions.delete(one.id);
            own.forget(refOf(one.id));
          } else model.now += one.ms;
          const before = model.now - (n % 3) * 10_000;
          const looked = own.sessions(before);
          expect(
            looked.map(({ ref, cursor: at }) => `${ref.sessionId} ${JSON.stringify(at)}`),
          ).to.have.members(model.looked(before));
        }
        own.close();
      }),
      { numRuns: 150 },
    );
  });
});
