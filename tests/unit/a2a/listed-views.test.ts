import { expect } from 'chai';
import { ListedViews } from '../../../server/a2a/listed-views.ts';
import { Session } from '../../../server/sessions/session.ts';
import { SessionDamagedError, type ListedTask } from '../../../server/sessions/session-store.ts';
import { refOf } from '../../helpers/sessions.ts';

const TASKS = 40;
const list: ListedTask[] = Array.from({ length: TASKS }, (_, i) => ({
  sessionId: `s${i}`,
  local: 't',
  statusAt: 1_000 - i,
  summary: `{"state":"TASK_STATE_SUBMITTED","at":${1_000 - i},"by":"i1.1"}`,
}));

/** A session with one task, which says that it has so many bytes. */
function sessionOf(sessionId: string, bytes: number): Session {
  const session = new Session(refOf(sessionId), 'e1');
  const { statusAt: at = 0 } = list.find((task) => task.sessionId === sessionId) ?? {};
  session.apply({
    n: 1,
    identity: { instance: 'i1', seq: 1 },
    body: { t: 'task', at, task: 't', by: 'i1.1' },
    skippable: false,
    bytes,
  });
  return session;
}

describe('listed tasks that are read from their sessions', () => {
  const wanted = { includeArtifacts: true, historyLength: 0, state: undefined, readMaxBytes: 1_000 };
  const show = (glance: (sessionId: string) => Promise<Session | undefined>) => {
    const sessions = {
      peek: () => undefined,
      glance: ({ sessionId }: { sessionId: string }) => glance(sessionId),
    };
    return new ListedViews(sessions, 'acme', wanted).show(list);
  };

  it('are read a few at a time', async () => {
    let [now, most] = [0, 0];
    const { used } = await show(async (sessionId) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
      return sessionOf(sessionId, 1);
    });
    expect([used, most]).to.deep.equal([TASKS, 8]);
  });

  it('end a page early rather than read without a bound, and never before the first', async () => {
    const read: string[] = [];
    const { tasks, used } = await show((sessionId) => {
      read.push(sessionId);
      return Promise.resolve(sessionOf(sessionId, 100));
    });
    expect([read.length, used, tasks.length]).to.deep.equal([16, 16, 16]);
    expect(tasks.map(({ task }) => task.contextId)).to.deep.equal(list.slice(0, 16).map((t) => t.sessionId));
    const huge = await show((sessionId) => Promise.resolve(sessionOf(sessionId, 1_000_000)));
    expect(huge.used).to.equal(8);
  });

  it('are shown as they were indexed when their session is damaged, and left out when it is gone', async () => {
    const { tasks, used } = await show((sessionId) => {
      if (sessionId === 's1') return Promise.reject(new SessionDamagedError('key', 'v'));
      return Promise.resolve(sessionId === 's2' ? undefined : sessionOf(sessionId, 1));
    });
    expect(used).to.equal(TASKS);
    expect(tasks.slice(0, 3).map(({ task }) => task.contextId)).to.deep.equal(['s0', 's1', 's3']);
    expect(tasks[1]?.task.status.state).to.equal('TASK_STATE_SUBMITTED');
  });
});
