import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { opened } from '../../helpers/sessions.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf, type Service } from './service.ts';
import { closeAll, idOf, serve, stream, subscribe } from './streaming.ts';

/** Says so after a few turns of the event loop. */
async function soon<T>(word: T): Promise<T> {
  for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
  return word;
}

describe('a stream', () => {
  let service: Service;
  beforeEach(async () => {
    service = await serve();
  });
  afterEach(closeAll);

  it('tells everybody the same, and nobody notices who leaves', async () => {
    const gates = [new Gate(), new Gate()];
    service.agent.script = async (act) => {
      act.artifact('one');
      await gates[0]?.passed;
      act.artifact('two');
      await gates[1]?.passed;
      act.artifact('three').done();
    };
    const first = await stream(service, messageOf('go'));
    await first.until('a0 one');
    const [stays, leaves, idle] = [
      await subscribe(service, idOf(first)),
      await subscribe(service, idOf(first)),
      await subscribe(service, idOf(first)),
    ];
    await leaves.next();
    const waiting = leaves.next();
    await leaves.leave();
    expect(await Promise.race([waiting, soon('still waits')])).to.equal('end');
    gates[0]?.open();
    await first.until('a0 two');
    await first.leave();
    gates[1]?.open();
    const words = ['task submitted', 'a0 two', 'a0 three', 'completed!'];
    expect(await stays.all()).to.deep.equal(words);
    expect(await idle.all()).to.deep.equal(words);
    expect(stays.frames.slice(1)).to.deep.equal(idle.frames.slice(1));
    expect(first.frames[2]).to.deep.equal(stays.frames[1]);
    expect(service.agent.acts[0]?.context.signal.aborted).to.equal(false);
  });

  it('tells the end once more to whoever was further than that before the store went back, and to nobody else', async () => {
    service.agent.script = (act) => {
      act.artifact('one').done();
      return Promise.resolve();
    };
    const first = await stream(service, messageOf('go'));
    await first.all();
    const end = first.frames.at(-1)?.cursor ?? '';
    const [epoch, number] = end.split('.');
    expect(await (await subscribe(service, idOf(first), end)).all()).to.deep.equal([]);
    const session = await opened(service.manager, {
      tenant: 'default',
      sessionId: idOf(first).split('.')[0] ?? '',
    });
    session.journal.hasGoneBack = true;
    expect(await (await subscribe(service, idOf(first), end)).all()).to.deep.equal(['task completed!']);
    session.journal.hasGoneBack = false;
    service.manager.release(session);
    // Others have written in this session behind the task.
    const [contextId = ''] = idOf(first).split('.');
    await (await stream(service, messageOf('more', { contextId }))).all();
    const further = `${epoch}.${Number(number) + 1}`;
    expect(await (await subscribe(service, idOf(first), further)).all()).to.deep.equal(['task completed!']);
  });

  it('never misses the last event, whenever it comes', async () => {
    for (let turns = 0; turns < 80; turns += 1) {
      const gate = new Gate();
      service.agent.script = async (act) => {
        act.artifact('one');
        await gate.passed;
        act.done();
      };
      const reader = await stream(service, messageOf(`go ${turns}`));
      await reader.until('a0 one');
      gate.open();
      for (let i = 0; i < turns; i += 1) await Promise.resolve();
      expect(await reader.next()).to.equal('completed!');
    }
  });

  it('ends without a last event when its session is deleted', async () => {
    service.agent.script = (act) => act.aborted();
    const reader = await stream(service, messageOf('go'));
    expect(await reader.next()).to.equal('task submitted');
    await service.manager.remove({ tenant: 'default', sessionId: idOf(reader).split('.')[0] ?? '' });
    expect(await reader.all()).to.deep.equal(['task submitted']);
  });

  it('holds its session until it has ended, was returned or has failed, and no longer', async () => {
    const { manager } = service;
    for (let i = 0; i < 1_000; i += 1) {
      const answer = await service.operations.sendStreamingMessage(messageOf(`go ${i}`), callOf());
      const iterator = answer.frames[Symbol.asyncIterator]();
      if (i % 4 === 0) for (; (await iterator.next()).done !== true;);
      if (i % 4 === 1) await iterator.next();
      if (i % 4 === 2) void iterator.next();
      // The fourth was never pulled.
      await iterator.return?.();
      await iterator.return?.();
    }
    await eventually(() => service.runner.size === 0 && manager.stats.inUse === 0);
    expect(service.operations.streams.size).to.equal(0);
  });

  it('fails as a whole when its session cannot be read, and lets go of it', async () => {
    service.agent.script = (act) => {
      act.status('TASK_STATE_INPUT_REQUIRED');
    };
    const asked = await stream(service, messageOf('go'));
    await asked.all();
    const reader = await subscribe(service, idOf(asked), asked.cursors[0]);
    service.store.read = () => Promise.reject(new Error('what nobody expects'));
    const failure = await reader.next().catch((error: unknown) => (error as Error).message);
    expect(failure).to.equal('what nobody expects');
    expect(service.manager.stats.inUse).to.equal(0);
    expect(await reader.next()).to.equal('end');
  });

  it('goes on from memory while the store is away, and tells nothing twice when it is back', async () => {
    const gates = [new Gate(), new Gate()];
    service.agent.script = async (act) => {
      act.artifact('one');
      await gates[0]?.passed;
      act.artifact('two');
      await gates[1]?.passed;
      act.artifact('three').done();
    };
    const reader = await stream(service, messageOf('go'));
    await reader.until('a0 one');
    service.store.always('refuse');
    gates[0]?.open();
    await reader.until('a0 two');
    expect(reader.cursors.at(-1)).to.include('~');
    const other = await subscribe(service, idOf(reader));
    expect(other.answer.persistence).to.equal('deferred');
    expect(await other.next()).to.equal('task submitted');
    const back = await subscribe(service, idOf(reader), reader.cursors[1]);
    service.store.always(undefined);
    await eventually(() => service.manager.pending.records === 0);
    gates[1]?.open();
    expect((await reader.all()).slice(-3)).to.deep.equal(['a0 two', 'a0 three', 'completed!']);
    expect(reader.cursors.at(-1)).not.to.include('~');
    expect(await other.all()).to.deep.equal(['task submitted', 'a0 three', 'completed!']);
    expect(await back.all()).to.deep.equal(['a0 two', 'a0 three', 'completed!']);
  });

  describe('to a server that is being shut down', () => {
    it('is told how its task ends; one for which nobody works ends at once', async () => {
      const { streams } = service.operations;
      service.agent.script = (act) => {
        if (act.text === 'ask') {
          act.status('TASK_STATE_INPUT_REQUIRED');
          return;
        }
        return act.aborted();
      };
      const params = messageOf('go');
      const working = await stream(service, params);
      await working.next();
      const asked = await stream(service, messageOf('ask'));
      await asked.all();
      const idle = await subscribe(service, idOf(asked));
      await idle.next();
      const waiting = idle.next();
      const isWorking = working.next();
      streams.endIdle();
      expect(await waiting).to.equal('end');
      await service.runner.drain(0);
      streams.close();
      expect(await isWorking).to.match(/^failed! The server was shut down/);
      const late = await subscribe(service, idOf(asked));
      expect(await late.all()).to.deep.equal(['task input-required']);
    });

    it('has not answered a message whose task goes on', async () => {
      const gate = new Gate();
      service.agent.script = async (act) => {
        await gate.passed;
        act.done();
      };
      const params = messageOf('go');
      const cut = await stream(service, params);
      await cut.next();
      service.operations.streams.endIdle();
      service.operations.streams.close();
      expect(await cut.all()).to.deep.equal(['task submitted']);
      cut.answer.delivered?.();
      gate.open();
      const answer = await service.operations.sendMessage(params, callOf());
      expect(answer.result.kind === 'task' && answer.result.view.task.id).to.equal(idOf(cut));
    });
  });
});
