import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { ListTasksParams, SendParams, TaskPage } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { TestClock } from '../../helpers/sessions.ts';
import type { Act } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

const DONE = 'TASK_STATE_COMPLETED';
const WAITING = 'TASK_STATE_INPUT_REQUIRED';
const LONG = 'x'.repeat(3_000);

function script(act: Act): void {
  if (act.text === 'ask') act.status(WAITING, 'which colour?');
  else if (act.text === 'ask at length') act.status(WAITING, LONG);
  else act.done(`echo: ${act.text}`);
}

const callAs = (tenant: string, subject = 'ann'): CallContext => ({
  ...callOf(),
  principal: { tenant, subject, roles: [], tier: 'default' },
});

describe('listing tasks', () => {
  let clock: TestClock;
  let backing: FaultyStore;
  let service: Service;
  const opened: Service[] = [];

  const open = async (instance?: string): Promise<Service> => {
    const made = createService(backing, instance, { clock });
    made.agent.script = script;
    await made.manager.start();
    opened.push(made);
    return made;
  };
  beforeEach(async () => {
    clock = new TestClock();
    backing = new FaultyStore(new MemorySessionStore(clock.now), false);
    service = await open();
  });
  afterEach(async () => {
    backing.always(undefined);
    backing.release();
    for (const { runner, manager } of opened.splice(0)) {
      await runner.drain(0);
      await manager.close();
    }
  });

  const send = async (
    text: string,
    over: Partial<SendParams['message']> = {},
    { operations }: Service = service,
    call = callAs('acme'),
  ): Promise<string> => {
    clock.advance(1_000);
    const { result } = await operations.sendMessage(messageOf(text, over), call);
    return result.kind === 'task' ? result.view.task.id : '';
  };
  const list = async (
    params: Partial<ListTasksParams> = {},
    { operations }: Service = service,
    call = callAs('acme'),
  ): Promise<TaskPage> => (await operations.listTasks({ includeArtifacts: false, ...params }, call)).result;
  const idsOf = ({ tasks }: TaskPage): string[] => tasks.map(({ task }) => task.id);
  const refusal = async (work: Promise<unknown>): Promise<ProtocolError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    if (error instanceof ProtocolError) return error;
    throw new Error('expected it to be refused');
  };
  /** In the order of the sends; newest first is the other way round. */
  const sendMany = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let i = 0; i < count; i += 1) ids.push(await send(`n${i}`, { contextId: `s${i % 3}` }));
    return ids;
  };

  it('answers an empty page where there is nothing', async () => {
    expect(await list()).to.deep.equal({
      tasks: [],
      nextPageToken: '',
      pageSize: 50,
      totalSize: 0,
      includeArtifacts: false,
    });
  });

  it('shows each task with its status, its message and nothing that was not asked for', async () => {
    const id = await send('ask', { contextId: 'here' });
    await eventually(async () => (await list({ state: WAITING })).totalSize === 1);
    const reads = backing.calls.read ?? 0;
    const [view] = (await list()).tasks;
    expect(view?.task).to.deep.include({ id, contextId: 'here', artifacts: [], history: [] });
    expect(view?.task.status.state).to.equal(WAITING);
    expect(view?.task.status.timestamp).to.match(/^2026-01-02T00:00:0\d\.\d{3}Z$/);
    expect(view?.task.status.message).to.deep.include({
      role: 'ROLE_AGENT',
      parts: [{ text: 'which colour?' }],
      contextId: 'here',
      taskId: id,
    });
    expect(backing.calls.read ?? 0).to.equal(reads);
  });

  it('does not show a question as the status any more once it is answered', async () => {
    const id = await send('ask', { contextId: 'here' });
    backing.always('hang', 'commit');
    const answering = service.operations.sendMessage(messageOf('blue', { taskId: id }), callAs('acme'));
    await eventually(() => backing.hanging === 1);
    backing.always(undefined);
    backing.release();
    await answering;
    expect((await list()).tasks[0]?.task.status.message).to.equal(undefined);
    // what the store was told with the answer itself, before anything else came of it
    const told = backing.requests.find(({ records }) => records.some(({ json }) => json.includes('blue')));
    const entry = told?.tasks.find(({ local }) => id.endsWith(`.${local}`));
    expect(entry?.summary).to.not.contain('which colour?');
  });

  it('walks newest first through pages of any size, and ends with an empty token', async () => {
    const ids = (await sendMany(11)).reverse();
    for (const pageSize of [1, 4, 10, 11, 12]) {
      const seen: string[] = [];
      let pageToken: string | undefined;
      do {
        const page = await list({ pageSize, ...(pageToken !== undefined && { pageToken }) });
        expect(page).to.include({ pageSize, totalSize: 11 });
        seen.push(...idsOf(page));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(seen).to.deep.equal(ids);
    }
  });

  it('is filtered by context, by state and from a moment on, that moment included', async () => {
    const ids = await sendMany(6);
    const asking = await send('ask', { contextId: 's1' });
    const all = await list();
    const third = all.tasks.find(({ task }) => task.id === ids[2]);
    const since = Date.parse(third?.task.status.timestamp ?? '');
    expect(idsOf(await list({ contextId: 's1' }))).to.deep.equal([asking, ids[4], ids[1]]);
    expect(idsOf(await list({ state: WAITING }))).to.deep.equal([asking]);
    expect(idsOf(await list({ since, state: DONE }))).to.deep.equal([ids[5], ids[4], ids[3], ids[2]]);
    expect(await list({ since: since + 1, state: DONE })).to.include({ totalSize: 3 });
    expect(idsOf(await list({ contextId: 'nobody' }))).to.deep.equal([]);
  });

  it('is the caller’s tenant’s alone', async () => {
    const mine = await send('mine', { contextId: 'same' });
    const theirs = await send('theirs', { contextId: 'same' }, service, callAs('other'));
    expect(idsOf(await list())).to.deep.equal([mine]);
    expect(idsOf(await list({ contextId: 'same' }, service, callAs('other')))).to.deep.equal([theirs]);
    expect(await list({}, service, callAs('third'))).to.include({ totalSize: 0 });
  });

  it('takes a token only from whom it was given to, for what it was given for, and undamaged', async () => {
    await sendMany(6);
    const { nextPageToken: token } = await list({ pageSize: 2 });
    expect(idsOf(await list({ pageSize: 3, pageToken: token, includeArtifacts: true }))).to.have.length(3);
    expect(idsOf(await list({ pageSize: 3, pageToken: token }, await open('other')))).to.have.length(3);
    const flipped = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`;
    const wrong: [Partial<ListTasksParams>, CallContext][] = [
      [{ pageToken: token }, callAs('other')],
      [{ pageToken: token }, callAs('acme', 'bob')],
      [{ pageToken: token, contextId: 's1' }, callAs('acme')],
      [{ pageToken: token, state: DONE }, callAs('acme')],
      [{ pageToken: token, since: 0 }, callAs('acme')],
      [{ pageToken: flipped }, callAs('acme')],
      [{ pageToken: token.slice(0, -1) }, callAs('acme')],
      [{ pageToken: `${token}=` }, callAs('acme')],
      [{ pageToken: `${token}A` }, callAs('acme')],
      [{ pageToken: 'next' }, callAs('acme')],
      [{ pageToken: '%%%' }, callAs('acme')],
    ];
    for (const [params, call] of wrong) {
      const error = await refusal(list(params, service, call));
      expect(error.reason).to.equal('INVALID_PARAMS');
      expect(error.violations.map(({ field }) => field)).to.deep.equal(['pageToken']);
    }
  });

  it('shows artifacts and the last messages when they are asked for, of sessions in memory and not', async () => {
    const id = await send('hello', { contextId: 'here' });
    const elsewhere = await open('other');
    for (const at of [service, elsewhere]) {
      const [view] = (await list({ includeArtifacts: true, historyLength: 1 }, at)).tasks;
      expect(view?.task.id).to.equal(id);
      expect(view?.task.artifacts.map(({ parts }) => parts)).to.deep.equal([[{ text: 'echo: hello' }]]);
      expect(view?.task.history.map(({ parts }) => parts)).to.deep.equal([[{ text: 'hello' }]]);
      const [bare] = (await list({ historyLength: 1 }, at)).tasks;
      expect([bare?.task.artifacts, bare?.task.history.length]).to.deep.equal([[], 1]);
    }
    // looked at, not kept
    expect(elsewhere.manager.stats).to.include({ inUse: 0, cached: 0 });
  });

  it('reads the session where a status says more than a list keeps', async () => {
    await send('ask at length', { contextId: 'here' });
    const elsewhere = await open('other');
    const [view] = (await list({}, elsewhere)).tasks;
    expect(view?.task.status.message?.parts).to.deep.equal([{ text: LONG }]);
    expect(view?.task.history).to.deep.equal([]);
    const summaries = backing.requests.flatMap(({ tasks }) => tasks.map(({ summary }) => summary.length));
    expect(Math.max(...summaries)).to.be.below(2_500);
  });

  it('does not show what memory knew before the store knew better', async () => {
    const id = await send('ask', { contextId: 'here' });
    const elsewhere = await open('other');
    await send('blue', { taskId: id }, elsewhere);
    const [view] = (await list({ includeArtifacts: true })).tasks;
    expect(view?.task.status.state).to.equal(DONE);
    expect(view?.task.artifacts).to.have.length(1);
  });

  it('leaves out what has gone or moved on between the index and the session', async () => {
    const gone = await send('gone', { contextId: 'gone' });
    const moved = await send('ask', { contextId: 'moved' });
    const stays = await send('ask', { contextId: 'stays' });
    const elsewhere = await open('other');
    const lists = backing.calls.listTasks ?? 0;
    backing.once('listTasks', 'hold');
    const listing = list({ includeArtifacts: true }, elsewhere);
    backing.fault = () => undefined;
    await eventually(() => (backing.calls.listTasks ?? 0) > lists);
    await service.manager.remove({ tenant: 'acme', sessionId: 'gone' });
    await send('blue', { taskId: moved });
    backing.release();
    const page = await listing;
    // what has moved is newer now than what stood before it
    expect(idsOf(page)).to.deep.equal([moved, stays]);
    expect(page.tasks[0]?.task.status.state).to.equal(DONE);
    expect(idsOf(page)).to.not.include(gone);

    backing.once('listTasks', 'hold');
    const waiting = list({ state: WAITING, includeArtifacts: true }, elsewhere);
    backing.fault = () => undefined;
    await send('red', { taskId: stays });
    backing.release();
    expect(idsOf(await waiting)).to.deep.equal([]);
  });

  it('says that the store is away rather than half a list, and when to ask again', async () => {
    await send('hello');
    const elsewhere = await open('other');
    for (const method of ['listTasks', 'read'] as const) {
      backing.always('refuse', method);
      const error = await refusal(list({ includeArtifacts: true }, elsewhere));
      expect([error.reason, error.retryAfterMs]).to.deep.equal(['STORE_UNAVAILABLE', 1_000]);
    }
    backing.always(undefined);
    expect(await list({ includeArtifacts: true }, elsewhere)).to.include({ totalSize: 1 });
  });

  it('lists what was acknowledged while the store was away as soon as it is stored', async () => {
    backing.always('refuse', 'commit');
    const id = await send('hello', { contextId: 'here' });
    expect(await list()).to.include({ totalSize: 0 });
    backing.always(undefined);
    service.manager.storeIsBack();
    await eventually(async () => {
      clock.advance(100);
      expect(idsOf(await list())).to.deep.equal([id]);
    });
  });

  it('does not list what was answered with a bare message', async () => {
    service.agent.script = (act) => {
      act.message('hi');
    };
    await send('hello');
    expect(await list()).to.include({ totalSize: 0 });
  });
});
