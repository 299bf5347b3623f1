import { expect } from 'chai';
import { toTimestamp } from '../../../protocol/units.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { Session } from '../../../server/sessions/session.ts';
import { CANCEL_KEY } from '../../../server/sessions/task-cancel.ts';
import { refOf, userMessage } from '../../helpers/sessions.ts';

const TASK: RecordBody[] = [
  { t: 'created', at: 1 },
  { t: 'task', at: 1, task: 't', by: 'i1.1' },
  { t: 'message', at: 1, task: 't', message: userMessage('go') },
];
const REQUESTED: RecordBody = { t: 'cancel', at: 2, task: 't' };
const DELIVERED: RecordBody = { t: 'cancel', at: 3, task: 't', by: 'i1.1' };
const canceled = (over: object = {}): RecordBody => ({
  t: 'status',
  at: 4,
  task: 't',
  state: 'TASK_STATE_CANCELED',
  ...over,
});

function apply(session: Session, ...bodies: RecordBody[]): Session {
  for (const body of bodies) {
    const identity = { instance: 'i1', seq: session.head + 1 };
    session.apply({ n: session.head + 1, identity, body, skippable: false, bytes: 10 });
  }
  return session;
}
const sessionOf = (...bodies: RecordBody[]): Session => apply(new Session(refOf(), 'e'), ...TASK, ...bodies);
const shown = (session: Session): unknown => session.task('t')?.toTask('s').metadata?.[CANCEL_KEY];

describe('a cancel in the fold', () => {
  it('is shown as far as it has come, each step with its time', () => {
    const [two, three, four] = [2, 3, 4].map(toTimestamp);
    expect(shown(sessionOf())).to.equal(undefined);
    expect(shown(sessionOf(REQUESTED))).to.deep.equal({ state: 'requested', requestedAt: two });
    const told = { state: 'delivered', requestedAt: two, deliveredAt: three };
    expect(shown(sessionOf(REQUESTED, DELIVERED))).to.deep.equal(told);
    for (const cancel of ['stopped', 'forced'] as const)
      expect(shown(sessionOf(REQUESTED, DELIVERED, canceled({ cancel })))).to.deep.equal({
        ...told,
        state: cancel,
        endedAt: four,
      });
    expect(shown(sessionOf(canceled({ cancel: 'stopped' })))).to.deep.equal({
      state: 'stopped',
      requestedAt: four,
      endedAt: four,
    });
  });

  it('is not invented for a task that its agent canceled, or that was canceled by an earlier release', () => {
    expect(shown(sessionOf(canceled({ by: 'i1.1' })))).to.equal(undefined);
  });

  it('keeps its first request and its first delivery', () => {
    const again: RecordBody[] = [
      { ...REQUESTED, at: 7 },
      { ...DELIVERED, at: 8 },
    ];
    expect(shown(sessionOf(REQUESTED, DELIVERED, ...again))).to.deep.equal(
      shown(sessionOf(REQUESTED, DELIVERED)),
    );
  });

  it('is asked for by anybody, delivered by the runner alone, and neither after the end', () => {
    const session = sessionOf(REQUESTED);
    expect(session.check(REQUESTED)).to.equal(undefined);
    expect(session.check(DELIVERED)).to.equal(undefined);
    expect(session.check({ ...DELIVERED, by: 'i2.1' })).to.equal('the task has another runner');
    apply(session, canceled({ cancel: 'stopped' }));
    for (const late of [REQUESTED, DELIVERED]) expect(session.check(late)).to.equal('the task has ended');
  });
});

describe('a hand-over in the fold', () => {
  const LEFT: RecordBody = { t: 'handover', at: 5, task: 't', by: 'i1.1' };

  it('leaves the task to nobody, and whoever takes it counts the attempts on', () => {
    const session = sessionOf(
      { t: 'status', at: 2, task: 't', by: 'i1.1', state: 'TASK_STATE_WORKING' },
      LEFT,
    );
    const task = session.task('t');
    expect([task?.runner, task?.attempt, task?.state]).to.deep.equal(['', 1, 'TASK_STATE_WORKING']);
    expect(session.check({ ...LEFT, at: 6 })).to.equal('the task has another runner');
    const late: RecordBody = { t: 'status', at: 6, task: 't', by: 'i1.1', state: 'TASK_STATE_COMPLETED' };
    expect(session.check(late)).to.equal('the task has another runner');
    apply(session, { t: 'run', at: 7, task: 't', by: 'i2.2' });
    expect(session.task('t')).to.deep.include({ by: 'i2.2', isResumed: true, reruns: 0 });
  });

  it('is for its runner alone, and not after the end', () => {
    expect(sessionOf().check(LEFT)).to.equal(undefined);
    expect(sessionOf().check({ ...LEFT, by: 'i2.1' })).to.equal('the task has another runner');
    expect(sessionOf(canceled()).check(LEFT)).to.equal('the task has ended');
  });

  it('is no death of a runner, which are counted for one message, and the next one begins at none', () => {
    const session = sessionOf(
      { t: 'run', at: 2, task: 't', by: 'i2.2' },
      { t: 'run', at: 3, task: 't', by: 'i3.3' },
    );
    expect(session.task('t')).to.deep.include({ isResumed: true, reruns: 2 });
    apply(
      session,
      { t: 'handover', at: 3, task: 't', by: 'i3.3' },
      { t: 'run', at: 3, task: 't', by: 'i1.4' },
    );
    expect(session.task('t')).to.deep.include({ isResumed: true, reruns: 2 });
    apply(
      session,
      { t: 'message', at: 4, task: 't', message: userMessage('more') },
      { t: 'run', at: 5, task: 't', by: 'i1.5', next: true },
    );
    expect(session.task('t')).to.deep.include({ isResumed: false, reruns: 0 });
  });
});
