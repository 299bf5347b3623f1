import { expect } from 'chai';
import { OwnRecords } from '../../../server/sessions/own-records.ts';
import { toDecided, type DecidedRecord } from '../../../server/sessions/records.ts';
import { refOf, userMessage } from '../../helpers/sessions.ts';

const cursorAt = (head: number): { epoch: string; head: number; w: string } => ({ epoch: 'e1', head, w: '' });
const record = (instance: string, seq: number): DecidedRecord =>
  toDecided({ instance, seq }, { t: 'message', at: seq, task: 't1', message: userMessage(`${seq}é`) });

describe('what this process has stored lately', () => {
  let own: OwnRecords;

  beforeEach(() => {
    own = new OwnRecords({ mono: () => 0 });
  });
  afterEach(() => {
    own.close();
  });

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
});
