import { expect } from 'chai';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { begin, createTestManager, opened, refOf, userMessage } from '../../helpers/sessions.ts';
import { NOW, Written, push, unpush, receipt, working, completed, artifact } from './outbox-journal.ts';

describe('what a commit says of webhooks', () => {
  it('is nothing where nothing of them changes', () => {
    expect(new Written(push()).outboxIn(artifact({ last: false }), artifact({ append: true }))).to.equal(
      undefined,
    );
    expect(new Written().outboxIn(push())).to.equal(undefined);
    expect(new Written(push()).outboxIn(unpush())).to.equal(undefined);
  });

  it('is now, for the first event that is due', () => {
    expect(new Written(push()).outboxIn(working())).to.equal(0);
    expect(new Written().outboxIn(push(), working(), completed)).to.equal(0);
  });

  it('leaves the time alone for further events: somebody may be at work on the first', () => {
    expect(new Written(push(), working()).outboxIn(completed)).to.equal(undefined);
    expect(new Written(push(), working(), completed).outboxIn(receipt({ upTo: 4 }))).to.equal(undefined);
  });

  it('is that nothing is due any more, once all is told, parked or removed', () => {
    const due = (): Written => new Written(push(), working());
    expect(due().outboxIn(receipt({ upTo: 4 }))).to.equal(null);
    expect(due().outboxIn(receipt({ tries: 10, parked: true }))).to.equal(null);
    expect(due().outboxIn(unpush())).to.equal(null);
    expect(due().outboxIn(push())).to.equal(null);
  });

  it('is the time of the next attempt', () => {
    const retry = receipt({ tries: 1, next: NOW + 5_000 });
    expect(new Written(push(), working()).outboxIn(retry)).to.equal(5_000);
    // The same webhook has to wait, whatever else it is to be told.
    expect(new Written(push(), working(), retry).outboxIn(completed)).to.equal(undefined);
  });

  it('is now when another webhook is to be told while one waits, and then the earlier of both', () => {
    const waits = new Written(push('w'), push('v'), working(), receipt({ id: 'v', upTo: 5 }));
    waits.add(receipt({ tries: 1, next: NOW + 5_000 }));
    expect(waits.outboxIn(completed)).to.equal(0);
    waits.add(completed);
    expect(waits.outboxIn(receipt({ id: 'v', tries: 1, next: NOW + 2_000 }))).to.equal(2_000);
    expect(waits.outboxIn(receipt({ id: 'v', upTo: 8 }))).to.equal(5_000);
  });

  it('leaves the time alone while one is tried again, whatever another is to be told', () => {
    const retried = new Written(push('w'), push('v'), working(), receipt({ id: 'v', upTo: 5 }));
    retried.add(receipt({ tries: 1, next: NOW - 1 }));
    expect(retried.outboxIn(completed)).to.equal(undefined);
  });

  it('does not wait for one that is parked', () => {
    const parked = new Written(push('w'), push('v'), working(), receipt({ tries: 3, parked: true }));
    expect(parked.outboxIn(receipt({ id: 'v', tries: 1, next: NOW + 5_000 }))).to.equal(5_000);
    expect(parked.outboxIn(receipt({ id: 'v', upTo: 5 }))).to.equal(null);
  });

  it('counts all tasks of the session', () => {
    const other: RecordBody[] = [{ t: 'task', at: 1, task: 't2', by: 'i1.1' }, push('x', 't2')];
    const written = new Written(push(), working(), ...other);
    written.add({ ...completed, task: 't2' } as RecordBody);
    expect(written.outboxIn(receipt({ upTo: 4 }))).to.equal(undefined);
    written.add(receipt({ upTo: 4 }));
    expect(written.outboxIn(receipt({ task: 't2', id: 'x', upTo: 7 }))).to.equal(null);
  });

  it('reaches the store with what was acknowledged while it was away, and whoever is to be woken', async () => {
    const store = new FaultyStore(new MemorySessionStore());
    const woken: string[] = [];
    const onDue = ({ sessionId }: { sessionId: string }): void => {
      woken.push(sessionId);
    };
    const made = createTestManager(store, { onDue });
    const session = await opened(made.manager);
    await session.change(begin('t1', 'go'));
    made.away = true;
    store.fault = () => 'refuse';
    expect(await session.change(() => [push()])).to.equal('deferred');
    expect(await session.change((_draft, at) => [{ ...completed, at }])).to.equal('deferred');
    expect(session.view.waiting.size).to.equal(1);
    expect(session.journal.session.waiting.size).to.equal(0);
    expect(woken).to.deep.equal([]);
    made.away = false;
    store.fault = () => undefined;
    // Somebody else came first: what waited is moved behind it, and its numbers with it.
    const other = createTestManager(store);
    const theirs = await opened(other.manager, refOf(), 'existing');
    await theirs.change((_draft, at) => [{ t: 'message', at, task: 't1', message: userMessage('hello') }]);
    await session.replay();
    expect(woken).to.deep.equal(['s1']);
    expect(await store.claimDue('acme', 10, 60_000)).to.deep.equal(['s1']);
    const webhook = session.journal.session.task('t1')?.outbox?.webhooks.get('w');
    expect(webhook).to.include({ since: 5, upTo: 5 });
  });
});
