import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import { eventually } from '../../helpers/eventually.ts';
import { newId } from './conversation.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf, type Service } from './service.ts';
import { closeAll, idOf, serve, stream, subscribe } from './streaming.ts';

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'it succeeded',
    (error: unknown) => (error instanceof ProtocolError ? error.reason : String(error)),
  );

describe('a subscription', () => {
  let service: Service;
  beforeEach(async () => {
    service = await serve();
  });
  afterEach(closeAll);

  const LEGACY = callOf('v03', true);

  for (const dialect of ['v1', 'v03'] as const) {
    it(`stays in ${dialect} while the task waits for its client, until it has ended`, async () => {
      service.agent.script = (act) => {
        if (act.text === 'go') act.status('TASK_STATE_INPUT_REQUIRED');
        else if (act.text === 'red') act.status('TASK_STATE_AUTH_REQUIRED');
        else act.done();
      };
      const sent = await stream(service, messageOf('go'), dialect);
      await sent.all();
      const taskId = idOf(sent);
      const reader = await subscribe(service, taskId, undefined, callOf(dialect));
      expect(await reader.next()).to.equal('task input-required');
      const back = await subscribe(service, taskId, sent.cursors[0], callOf(dialect));
      expect(await back.next()).to.equal('input-required');
      for (const text of ['red', 'in'])
        await service.operations.sendMessage(messageOf(text, { taskId }), callOf(dialect));
      const rest = ['working', 'auth-required', 'working', 'completed!'];
      expect(await reader.all()).to.deep.equal(['task input-required', ...rest]);
      expect(await back.all()).to.deep.equal(['input-required', ...rest]);
    });
  }

  for (const [text, asked] of [
    ['ask', 'input-required'],
    ['log in', 'auth-required'],
  ] as const) {
    it(`ends with a task of v01 that is ${asked}, also when the version is not said`, async () => {
      const gate = new Gate();
      service.agent.script = async (act) => {
        await gate.passed;
        act.status(act.text === 'ask' ? 'TASK_STATE_INPUT_REQUIRED' : 'TASK_STATE_AUTH_REQUIRED');
      };
      const clientTaskId = newId('t');
      const sent = await stream(service, messageOf(text, {}, { clientTaskId }), 'v01');
      await sent.next();
      const ending = await Promise.all(
        [callOf('v01'), LEGACY].map((call) => subscribe(service, clientTaskId, undefined, call)),
      );
      const staying = await subscribe(service, clientTaskId, undefined, callOf('v03'));
      gate.open();
      for (const reader of ending) expect(await reader.all()).to.deep.equal(['task submitted', `${asked}!`]);
      expect([await staying.next(), await staying.next()]).to.deep.equal(['task submitted', asked]);
      const late = await subscribe(service, clientTaskId, undefined, LEGACY);
      expect(await late.all()).to.deep.equal([`task ${asked}!`]);
      const again = await subscribe(service, clientTaskId, late.cursors[0], LEGACY);
      expect(await again.all()).to.deep.equal([]);
    });
  }

  it('stays with a task of v03 whose caller does not say the version', async () => {
    service.agent.script = (act) => {
      act.status('TASK_STATE_INPUT_REQUIRED');
    };
    const sent = await stream(service, messageOf('go'), 'v03');
    await sent.all();
    const reader = await subscribe(service, idOf(sent), undefined, LEGACY);
    expect(await reader.next()).to.equal('task input-required');
    await service.operations.cancelTask({ id: idOf(sent) }, callOf());
    expect(await reader.all()).to.deep.equal(['task input-required', 'canceled!']);
  });

  it('is refused when the task has ended, or is not there', async () => {
    const sent = await stream(service, messageOf('go'));
    await sent.all();
    expect(await reasonOf(subscribe(service, idOf(sent)))).to.equal('UNSUPPORTED_OPERATION');
    expect(await reasonOf(subscribe(service, idOf(sent), ''))).to.equal('UNSUPPORTED_OPERATION');
    expect(await reasonOf(subscribe(service, idOf(sent), undefined, LEGACY))).to.equal(
      'UNSUPPORTED_OPERATION',
    );
    expect(await reasonOf(subscribe(service, 'nobody.knows', 'e.1'))).to.equal('TASK_NOT_FOUND');
    service.agent.script = (act) => {
      act.message('no task');
    };
    const bare = await stream(service, messageOf('hi', { contextId: 'here' }));
    await bare.all();
    const taskId = service.agent.acts.at(-1)?.context.taskId ?? '';
    expect(await reasonOf(subscribe(service, taskId, bare.cursors[0]))).to.equal('TASK_NOT_FOUND');
  });

  it('tells exactly what was missed of a task that has ended, and ends', async () => {
    service.agent.script = (act) => {
      for (let i = 0; i < 20; i += 1) act.artifact(`${i}`);
      act.done();
    };
    const sent = await stream(service, messageOf('go'));
    await sent.all();
    for (const [i, { cursor }] of sent.frames.entries()) {
      const reader = await subscribe(service, idOf(sent), cursor);
      await reader.all();
      expect(reader.frames).to.deep.equal(sent.frames.slice(i + 1));
    }
  });

  it('ends at once when nothing was missed, also when a message never had its turn', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      await gate.passed;
      act.done();
    };
    const sent = await stream(service, messageOf('go'));
    await sent.next();
    const queued = await stream(service, messageOf('and on', { taskId: idOf(sent) }));
    gate.open();
    await Promise.all([sent.all(), queued.all()]);
    const reader = await subscribe(service, idOf(sent), sent.cursors.at(-1));
    expect(await reader.all()).to.deep.equal([]);
  });

  it('begins with the task as it stands when its cursor leads nowhere', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      act.artifact('one');
      await gate.passed;
      act.done();
    };
    const sent = await stream(service, messageOf('go'));
    await sent.until('a0 one');
    const epoch = sent.cursors[0]?.split('.')[0] ?? '';
    const nowhere = ['nonsense', 'other.3', `${epoch}.99`, `${epoch}.2~nobody.1`, ''];
    const began = await Promise.all(nowhere.map((cursor) => subscribe(service, idOf(sent), cursor)));
    for (const reader of began) expect(await reader.next()).to.equal('task submitted');
    gate.open();
    for (const reader of began) expect(await reader.all()).to.deep.equal(['task submitted', 'completed!']);
    const late = await subscribe(service, idOf(sent), 'other.3');
    expect(await late.all()).to.deep.equal(['task completed!']);
    await sent.all();
    expect(late.cursors).to.deep.equal(sent.cursors.slice(-1));
  });

  it('tells a reader that stands before the task how it began', async () => {
    const sent = await stream(service, messageOf('go'));
    await sent.all();
    const epoch = sent.cursors[0]?.split('.')[0] ?? '';
    const reader = await subscribe(service, idOf(sent), `${epoch}.0`);
    expect(await reader.all()).to.deep.equal(['task submitted', ...sent.words.slice(1)]);
  });

  it('tells what memory has when its cursor is further back and the store is away', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      act.artifact('one');
      await gate.passed;
      act.done();
    };
    const sent = await stream(service, messageOf('go'));
    await sent.until('a0 one');
    await sent.leave();
    service.store.always('refuse');
    const reader = await subscribe(service, idOf(sent), sent.cursors[0]);
    expect(await reader.next()).to.equal('task submitted');
    service.store.always(undefined);
    gate.open();
    expect(await reader.all()).to.deep.equal(['task submitted', 'completed!']);
  });

  it('keeps the agent from answering as if nobody knew of the task', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      await gate.passed;
      act.message('hello');
    };
    const sending = service.operations.sendMessage(messageOf('hi'), callOf());
    await eventually(() => service.agent.acts.length === 1);
    const reader = await subscribe(service, service.agent.acts[0]?.context.taskId ?? '');
    gate.open();
    expect(await reader.all()).to.deep.equal(['task submitted', 'completed! hello']);
    expect((await sending).result.kind).to.equal('task');
  });
});
