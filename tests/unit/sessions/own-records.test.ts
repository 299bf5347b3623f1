import { expect } from 'chai';
import { OwnRecords } from '../../../server/sessions/own-records.ts';
import { toDecided, type DecidedRecord, type RecordBody } from '../../../server/sessions/records.ts';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import type { Cursor } from '../../../server/sessions/session-store.ts';
import { refOf, userMessage } from '../../helpers/sessions.ts';

const cursorAt = (head: number, epoch = 'e1'): Cursor => ({ epoch, head, w: `i1.${head}:k` });
const record = (instance: string, seq: number): DecidedRecord =>
  toDecided({ instance, seq }, { t: 'message', at: seq, task: 't1', message: userMessage(`${seq}é`) });

describe('what this process has stored lately', () => {
  let own: OwnRecords;
  let now: number;

  beforeEach(() => {
    now = 0;
    own = new OwnRecords({ mono: () => now });
  });
  afterEach(() => {
    own.close();
  });

  const keep = (ref: SessionRef, cursor: Cursor, ...records: DecidedRecord[]): void => {
    own.keep(ref, cursor, { records, since: 0, slides: true });
  };
  const taken = (ref = refOf(), epoch = 'e1', upTo = 0): number[] =>
    own
      .takeMissing(ref, epoch, () => upTo)
      .flatMap(({ records }) => records.map(({ identity }) => identity.seq));

  it('is given back as it was decided, also where its numbers do not follow each other', () => {
    const changes = [
      [record('i1', 1)],
      [record('i1', 2), record('i1', 3)],
      [record('i1', 5), record('i1', 9)],
    ];
    for (const records of changes) own.keep(refOf(), cursorAt(1), { records, since: 7, slides: false });
    const missing = own.takeMissing(refOf(), 'e1', () => 0);
    expect(missing).to.deep.equal(changes.map((records) => ({ records, since: 7, slides: false })));
    expect(own.bytes).to.equal(0);
  });

  it('is given back whole when the last of a change is missing, and in the order of its instance', () => {
    const late = [record('i1', 5), record('i1', 9)];
    own.keep(refOf(), cursorAt(1), { records: late, since: 0, slides: true });
    own.keep(refOf(), cursorAt(1), { records: [record('i1', 4)], since: 0, slides: true });
    own.keep(refOf(), cursorAt(1), { records: [record('i1', 3)], since: 0, slides: true });
    const missing = own.takeMissing(refOf(), 'e1', () => 3).map(({ records }) => records);
    expect(missing).to.deep.equal([[record('i1', 4)], late]);
  });

  it('is not kept twice when it is found in the journal', () => {
    const [one, two, three] = [record('i1', 1), record('i1', 3), record('i1', 4)];
    own.keep(refOf(), cursorAt(2), { records: [one, two], since: 0, slides: true });
    own.keepFound(refOf(), cursorAt(3), [one, two, three], 0);
    const missing = own.takeMissing(refOf(), 'e1', () => 0).map(({ records }) => records);
    expect(missing).to.deep.equal([[one, two], [three]]);
  });

  it('is given back whatever it is made of, and as it was stored', () => {
    const ids = refOf('sitzung-é-会话-🙂', 'mieter-ß');
    const bodies: RecordBody[] = [
      { t: 'created', at: 1 },
      { t: 'message', at: 1, task: 't1', message: userMessage('é 会 🙂 \ud800 \u0000 "\\ \u2028') },
      { t: 'artifact', at: 2, task: 't1', by: 'i1.3', artifact: { artifactId: 'a', parts: [{ text: 'ü' }] }, append: true }, // prettier-ignore
      { t: 'artifact', at: 2, task: 't1', by: 'i2.1', artifact: { artifactId: 'a', parts: [{ text: '' }] }, append: true }, // prettier-ignore
      { t: 'state', at: 3, task: 't1', by: 'i1.3', key: 'k', value: { o: 'i1.9', p: null, __proto__: 1 } },
      { t: 'refused', at: 3, why: 'none', record: { t: 'unpush', at: 3, task: 't1', id: 'w' } },
      { t: 'message', at: 4, task: 't1', message: userMessage('é'.repeat(700_000), 'large') },
    ];
    const records = bodies.map((body, i) => toDecided({ instance: 'i1', seq: i + 1 }, body));
    const changes = [records.slice(0, 2), records.slice(2, 6), records.slice(6)];
    for (const of of changes) own.keep(ids, cursorAt(6), { records: of, since: 7.25, slides: true });
    const missing = own.takeMissing(ids, 'e1', () => 0);
    expect(missing).to.deep.equal(changes.map((of) => ({ records: of, since: 7.25, slides: true })));
  });

  it('is given out once, and what is not missing stays', () => {
    for (const seq of [1, 2, 3]) keep(refOf(), cursorAt(seq), record('i1', seq));
    expect(taken(refOf(), 'e1', 2)).to.deep.equal([3]);
    expect(taken(refOf(), 'e1', 2)).to.deep.equal([]);
    keep(refOf(), cursorAt(3), record('i1', 3));
    expect(taken()).to.deep.equal([1, 2, 3]);
    expect(taken()).to.deep.equal([]);
    expect(own.bytes).to.equal(0);
  });

  it('is kept for each session, whose ids may not be shifted into each other', () => {
    const refs = [refOf('b', 'xa'), refOf('ab', 'x'), refOf('xab', ''), refOf('ba', 'x')];
    for (const [i, ref] of refs.entries()) keep(ref, cursorAt(1), record('i1', i + 1));
    own.forget(refOf('xa', 'b'));
    expect(refs.map((ref) => taken(ref))).to.deep.equal([[1], [2], [3], [4]]);
  });

  it('is forgotten with its session, and kept anew when that begins again', () => {
    keep(refOf(), cursorAt(1), record('i1', 1));
    keep(refOf('s2'), cursorAt(1), record('i1', 2));
    own.forget(refOf());
    own.forget(refOf('s3'));
    expect([...own.sessions(1)].map(({ ref }) => ref.sessionId)).to.deep.equal(['s2']);
    expect(taken()).to.deep.equal([]);
    keep(refOf(), cursorAt(1), record('i1', 3));
    expect(taken()).to.deep.equal([3]);
    expect(taken(refOf('s2'))).to.deep.equal([2]);
  });

  it('is of one epoch: what was stored in the one before is not for the next, nor for itself again', () => {
    keep(refOf(), cursorAt(1), record('i1', 1));
    keep(refOf(), cursorAt(1, 'e2'), record('i1', 2));
    expect(taken()).to.deep.equal([]);
    expect(taken(refOf(), 'e2')).to.deep.equal([2]);
    expect(taken()).to.deep.equal([]);
    keep(refOf('s2'), cursorAt(1), record('i1', 3));
    keep(refOf('s2'), cursorAt(1, 'e2'), record('i1', 4));
    keep(refOf('s2'), cursorAt(1), record('i1', 5));
    expect(taken(refOf('s2'))).to.deep.equal([5]);
  });

  it('is looked for in the sessions in which something was stored before a moment', () => {
    keep(refOf(), cursorAt(1), record('i1', 1));
    keep(refOf('s2'), cursorAt(1), record('i1', 2));
    now = 10;
    keep(refOf('s3'), cursorAt(1), record('i1', 3));
    keep(refOf(), cursorAt(2), record('i1', 4));
    keep(refOf('s2'), cursorAt(1, 'e2'), record('i1', 5));
    expect([...own.sessions(10)]).to.deep.equal([{ ref: refOf(), cursor: cursorAt(2) }]);
    const all = [...own.sessions(11)].map(({ ref, cursor }) => `${ref.sessionId} ${cursor.epoch}`);
    expect(all).to.have.members(['s1 e1', 's2 e2', 's3 e1']);
  });

  it('goes after a minute since it was stored, whenever it was decided', () => {
    keep(refOf(), cursorAt(1), record('i1', 1));
    now = 100;
    own.keep(refOf(), cursorAt(2), { records: [record('i1', 2)], since: -90_000, slides: true }, 50);
    now = 60_050;
    expect([...own.sessions(now)]).to.have.length(1);
    expect(taken()).to.deep.equal([2]);
    keep(refOf(), cursorAt(3), record('i1', 3));
    now += 60_001;
    expect([...own.sessions(now)]).to.deep.equal([]);
    expect(taken()).to.deep.equal([]);
    expect(own.bytes).to.equal(0);
  });

  it('gives up the oldest first where there is too much of it, by bytes and by number', () => {
    const large = (seq: number): DecidedRecord =>
      toDecided(
        { instance: 'i1', seq },
        { t: 'message', at: 1, task: 't', message: userMessage('x'.repeat(1e6), 'm') },
      );
    for (let seq = 1; seq <= 100; seq += 1) keep(refOf(), cursorAt(seq), large(seq));
    expect(own.bytes).to.be.within(63 * 1_048_576, 64 * 1_048_576);
    const kept = taken();
    expect(kept).to.deep.equal(Array.from({ length: 67 }, (_, i) => 34 + i));
    const small = toDecided({ instance: 'i1', seq: 1 }, { t: 'created', at: 1 });
    for (let i = 0; i < 100_010; i += 1) keep(refOf(i < 20 ? 'first' : 'then'), cursorAt(1), small);
    expect(taken(refOf('first'))).to.have.length(10);
    expect(taken(refOf('then'))).to.have.length(99_990);
  });

  it('is nothing where nothing may be kept', () => {
    const none = new OwnRecords({ mono: () => 0, maxBytes: 0 });
    none.keep(refOf(), cursorAt(1), { records: [record('i1', 1)], since: 0, slides: true });
    none.keepFound(refOf(), cursorAt(1), [record('i1', 1)], 0);
    none.forget(refOf());
    expect(none.takeMissing(refOf(), 'e1', () => 0)).to.deep.equal([]);
    expect([...none.sessions(1)]).to.deep.equal([]);
    expect(none.bytes).to.equal(0);
  });
});
