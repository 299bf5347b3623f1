import { expect } from 'chai';
import { firstDue, isDue } from '../../../server/sessions/outbox.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { userMessage } from '../../helpers/sessions.ts';
import { Written, push, unpush, receipt, working, completed, artifact } from './outbox-journal.ts';

describe('the outbox of a task', () => {
  it('costs nothing while there is no webhook', () => {
    const { session } = new Written(working(), artifact(), completed);
    expect(session.task('t1')?.outbox).to.equal(undefined);
    expect(session.deliveryDue).to.equal(undefined);
    expect(new Written().outboxIn(working(), completed)).to.equal(undefined);
  });

  it('is told of what comes behind the registration, in the order of the journal', () => {
    // 3 working, 4 push, 5 working with words, 6 artifact, 7 completed
    const written = new Written(working(), push(), working('halfway'), artifact({ last: true }), completed);
    expect(written.due('w')).to.deep.equal([5, 6, 7]);
    expect(written.outbox.triggers.map(({ status }) => status.state)).to.deep.equal([
      'TASK_STATE_WORKING',
      'TASK_STATE_WORKING',
      'TASK_STATE_COMPLETED',
    ]);
    expect(written.outbox.triggers[0]?.status.message?.parts).to.deep.equal([{ text: 'halfway' }]);
  });

  for (const [what, record, counts] of [
    ['the same state without a word', working(), false],
    ['the same state with a word', working('still at it'), true],
    ['another state', completed, true],
    ['an artifact in one piece that does not say so', artifact(), false],
    ['an artifact in one piece that says so', artifact({ last: true }), true],
    ['the first chunk of an artifact', artifact({ last: false }), false],
    ['a chunk in between', artifact({ append: true }), false],
    ['the last chunk', artifact({ append: true, last: true }), true],
    ['the copy that is written when a task ends', artifact({ whole: true }), false],
    ['a run that goes on with the work', { t: 'run', at: 3, task: 't1', by: 'i1.2' }, false],
    ['a message of the client', { t: 'message', at: 3, task: 't1', message: userMessage('hi') }, false],
  ] as const satisfies readonly (readonly [string, RecordBody, boolean])[]) {
    it(`${counts ? 'hears' : 'does not hear'} of ${what}`, () => {
      const written = new Written(working(), artifact({ last: false }), push());
      expect(written.add(record).due('w').length).to.equal(counts ? 1 : 0);
    });
  }

  for (const [what, chunks] of [
    ['one piece', [artifact()]],
    ['chunks', [artifact(), artifact({ append: true }), artifact({ append: true, last: false })]],
  ] as const) {
    for (const state of [
      'TASK_STATE_COMPLETED',
      'TASK_STATE_INPUT_REQUIRED',
      'TASK_STATE_CANCELED',
    ] as const) {
      it(`hears of an artifact in ${what} that does not say that it is whole before ${state}`, () => {
        const end: RecordBody = { t: 'status', at: 9, task: 't1', state };
        const others: RecordBody = { ...artifact(), artifact: { artifactId: 'b', parts: [] } } as RecordBody;
        const written = new Written(working(), push(), ...chunks, others, working('still'), end);
        const { triggers } = written.outbox;
        expect(triggers.map(({ artifactId, status }) => artifactId ?? status.state)).to.deep.equal([
          'TASK_STATE_WORKING',
          'a',
          'b',
          state,
        ]);
        expect(triggers[1]?.status).to.include({ state: 'TASK_STATE_WORKING' });
        const numbers = triggers.map(({ n }) => n);
        expect(numbers).to.deep.equal([...new Set(numbers)].sort((a, b) => a - b));
        expect(numbers.at(-1)).to.equal(written.session.head);
        // One by one, whatever the numbers.
        for (const n of numbers) {
          expect(written.due('w')[0]).to.equal(n);
          written.add(receipt({ upTo: n }));
        }
        expect(written.session.waiting.size).to.equal(0);
      });
    }
  }

  it('does not hear of the same artifact twice', () => {
    const written = new Written(
      push(),
      artifact({ last: false }),
      artifact({ append: true, last: true }),
      completed,
    );
    expect(written.outbox.triggers.map(({ artifactId }) => artifactId)).to.deep.equal(['a', undefined]);
  });

  it('hears of a run that takes up an interrupted task', () => {
    const asked: RecordBody = { t: 'status', at: 3, task: 't1', state: 'TASK_STATE_INPUT_REQUIRED' };
    const written = new Written(push(), asked, { t: 'run', at: 4, task: 't1', by: 'i1.2', next: true });
    expect(written.outbox.triggers.map(({ status }) => status.state)).to.deep.equal([
      'TASK_STATE_INPUT_REQUIRED',
      'TASK_STATE_WORKING',
    ]);
  });

  it('forgets what everybody was told, and keeps it for those who were not', () => {
    const written = new Written(push('w'), push('v'), working(), completed);
    written.add(receipt({ upTo: 5 }));
    expect([written.due('w'), written.due('v')]).to.deep.equal([[6], [5, 6]]);
    written.add(receipt({ id: 'v', upTo: 6 }));
    expect(written.outbox.triggers.map(({ n }) => n)).to.deep.equal([6]);
    written.add(receipt({ upTo: 6 }));
    expect(written.outbox.triggers).to.deep.equal([]);
    expect(written.session.deliveryDue).to.equal(undefined);
  });

  it('begins anew behind the present when a webhook is registered again, also when it was parked', () => {
    const written = new Written(push(), working(), receipt({ tries: 3, parked: true }));
    expect(written.due('w')).to.deep.equal([]);
    written.add(completed, push());
    expect(written.due('w')).to.deep.equal([]);
    const webhook = written.outbox.webhooks.get('w');
    expect(webhook).to.include({ created: 3, since: 7, upTo: 7, tries: 0, next: 0, parked: false });
    expect(isDue(written.outbox, webhook!)).to.equal(false);
    expect(firstDue(written.outbox, webhook!)).to.equal(undefined);
  });

  it('keeps of what a parked webhook has missed the last 1,000 events, and all that another waits for', () => {
    const written = new Written(push('w'), push('v'), receipt({ tries: 3, parked: true }));
    for (let n = 0; n < 1_100; n += 1) written.add(working(`step ${n}`));
    expect(written.outbox.triggers).to.have.length(1_100);
    const last = written.session.head;
    written.add(receipt({ id: 'v', upTo: last }));
    expect(written.outbox.triggers.map(({ n }) => n))
      .to.have.length(1_000)
      .and.include(last);
  });

  it('is due again with everything since it was parked, once a receipt says that nothing is given up', () => {
    const written = new Written(push(), working(), receipt({ tries: 3, parked: true }), completed);
    expect(written.due('w')).to.deep.equal([]);
    expect(written.session.deliveryDue).to.equal(undefined);
    written.add(receipt({}));
    expect(written.due('w')).to.have.length(2);
    expect(written.session.deliveryDue).to.equal(0);
  });

  it('keeps the place of a webhook that is replaced, and not of one that was removed', () => {
    const written = new Written(push('a'), push('b'), push('a'));
    expect([...written.outbox.webhooks.keys()]).to.deep.equal(['a', 'b']);
    written.add(unpush('a'), push('a'));
    expect([...written.outbox.webhooks.keys()]).to.deep.equal(['b', 'a']);
  });

  it('has nothing to say of a task that turned out to be a bare message', () => {
    const written = new Written(push(), working());
    expect(written.session.waiting.size).to.equal(1);
    written.add({ t: 'reply', at: 5, task: 't1', by: 'i1.1', message: userMessage('hi') });
    expect(written.session.waiting.size).to.equal(0);
    expect(written.session.deliveryDue).to.equal(undefined);
  });

  it('may be changed when the task has ended, which a status may not', () => {
    const { session } = new Written(completed);
    for (const body of [push(), unpush(), receipt({ upTo: 1 })])
      expect(session.check(body), body.t).to.equal(undefined);
    expect(session.check(working())).to.equal('the task has ended');
  });
});
