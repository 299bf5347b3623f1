import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { SendParams } from '../../../protocol/model.ts';
import { eventually } from '../../helpers/eventually.ts';
import { newId } from './conversation.ts';
import { Gate } from './scripted-agent.ts';
import { callOf, messageOf, type Service } from './service.ts';
import { closeAll, idOf, read, serve, stream, type Spoken } from './streaming.ts';

const DIALECTS: readonly Spoken[] = ['v1', 'v03', 'v01'];

/** A message that begins a task, and to the one that was begun, as the dialect names it. */
const says = (
  dialect: Spoken,
  text: string,
  taskId?: string,
  params: Partial<SendParams> = {},
): SendParams => {
  if (dialect === 'v01') return messageOf(text, {}, { clientTaskId: taskId ?? newId('t'), ...params });
  return messageOf(text, taskId === undefined ? {} : { taskId }, params);
};

describe('a streaming send', () => {
  let service: Service;
  beforeEach(async () => {
    service = await serve();
  });
  afterEach(closeAll);

  const ended = async (params: SendParams, dialect: Spoken = 'v1'): Promise<string[]> =>
    (await stream(service, params, dialect)).all();

  for (const dialect of DIALECTS) {
    describe(`in ${dialect}`, () => {
      it('tells the task as it was submitted, then each event, the last one as such', async () => {
        service.agent.script = (act) => {
          act
            .status('TASK_STATE_WORKING', 'hm')
            .artifact('one', 'x')
            .artifact('two', 'y')
            .artifact('three', 'x')
            .done();
        };
        expect(await ended(says(dialect, 'go'), dialect)).to.deep.equal([
          'task submitted',
          'working hm',
          'a0 one',
          'a1 two',
          'a0 three',
          'completed!',
        ]);
      });

      it('ends when the agent asks back, and the answer streams on to the end', async () => {
        service.agent.script = (act) => {
          if (act.text === 'go') act.status('TASK_STATE_INPUT_REQUIRED', 'which?');
          else act.done('red it is');
        };
        const asked = await stream(service, says(dialect, 'go'), dialect);
        expect(await asked.all()).to.deep.equal(['task submitted', 'input-required! which?']);
        const id = idOf(asked, dialect);
        const answered = await stream(service, says(dialect, 'red', id), dialect);
        expect(await answered.all()).to.deep.equal(['task working', 'a0 red it is', 'completed!']);
      });

      it('stays until its own turn is over when an earlier one pauses', async () => {
        const gate = new Gate();
        service.agent.script = async (act) => {
          if (act.text === 'first') await gate.passed;
          act.status('TASK_STATE_INPUT_REQUIRED', `${act.text}?`);
        };
        const first = await stream(service, says(dialect, 'first'), dialect);
        await first.next();
        const second = await stream(service, says(dialect, 'second', idOf(first, dialect)), dialect);
        expect(await second.next()).to.equal('task submitted');
        gate.open();
        expect(await first.all()).to.deep.equal(['task submitted', 'input-required! first?']);
        const words = ['task submitted', 'input-required first?', 'working', 'input-required! second?'];
        expect(await second.all()).to.deep.equal(words);
      });

      it('just ends with its task when that ends before its turn', async () => {
        const gate = new Gate();
        service.agent.script = async (act) => {
          await gate.passed;
          act.done();
        };
        const first = await stream(service, says(dialect, 'first'), dialect);
        await first.next();
        const second = await stream(service, says(dialect, 'second', idOf(first, dialect)), dialect);
        gate.open();
        expect(await second.all()).to.deep.equal(['task submitted', 'completed!']);
        expect(service.agent.begun).to.deep.equal(['first']);
      });

      it('is found again when its answer did not arrive, and is a new one when it did', async () => {
        const gate = new Gate();
        service.agent.script = async (act) => {
          act.artifact('one');
          await gate.passed;
          act.artifact('two').done();
        };
        const params = says(dialect, 'go');
        const lost = await stream(service, params, dialect);
        await lost.until('a0 one');
        await lost.leave();
        const retry = await stream(service, params, dialect);
        expect(await retry.next()).to.equal('task submitted');
        expect(idOf(retry, dialect)).to.equal(idOf(lost, dialect));
        gate.open();
        expect(await retry.all()).to.deep.equal(['task submitted', 'a0 two', 'completed!']);
        lost.answer.delivered?.();
        const late = await stream(service, params, dialect);
        expect(await late.all()).to.deep.equal(['task completed!']);
        late.answer.delivered?.();
        const again = await stream(service, params, dialect);
        expect((await again.all()).at(-1)).to.equal('completed!');
        expect(service.agent.begun).to.deep.equal(['go', 'go']);
      });
    });
  }

  for (const dialect of ['v1', 'v03'] as const) {
    it(`is exactly one message in ${dialect} when the agent answers with a bare one`, async () => {
      service.agent.script = async (act) => {
        await Promise.resolve();
        act.message('hello');
      };
      const params = says(dialect, 'hi');
      const reader = await stream(service, params, dialect);
      expect(await reader.all()).to.deep.equal(['message hello']);
      const repeated = await stream(service, params, dialect);
      expect(await repeated.all()).to.deep.equal(['message hello']);
      expect(service.agent.begun).to.deep.equal(['hi']);
      repeated.answer.delivered?.();
      expect(await ended(params, dialect)).to.deep.equal(['message hello']);
      expect(service.agent.begun).to.deep.equal(['hi', 'hi']);
    });

    it(`stays open in ${dialect} while the agent waits for an authorisation`, async () => {
      service.agent.script = (act) => {
        if (act.text === 'go') act.status('TASK_STATE_AUTH_REQUIRED', 'log in');
        else act.done();
      };
      const reader = await stream(service, says(dialect, 'go'), dialect);
      await reader.until('auth-required log in');
      const answer = await stream(service, says(dialect, 'done', idOf(reader)), dialect);
      expect(await reader.all()).to.deep.equal([
        'task submitted',
        'auth-required log in',
        'working',
        'completed!',
      ]);
      expect(await answer.all()).to.deep.equal(['task working', 'completed!']);
    });
  }

  it('is a task in v01 although the agent answers with a bare message', async () => {
    service.agent.script = (act) => {
      act.message('hello');
    };
    expect(await ended(says('v01', 'hi'), 'v01')).to.deep.equal(['task submitted', 'completed! hello']);
  });

  it('ends in v01 when the agent waits for an authorisation', async () => {
    service.agent.script = (act) => {
      act.status('TASK_STATE_AUTH_REQUIRED');
    };
    expect(await ended(says('v01', 'go'), 'v01')).to.deep.equal(['task submitted', 'auth-required!']);
  });

  it('is told of a task at once when the agent begins one, and after a while when it is silent', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      if (act.text === 'begin') act.status('TASK_STATE_WORKING');
      await gate.passed;
      act.message('in the end');
    };
    const began = performance.now();
    const begun = await stream(service, says('v1', 'begin'));
    expect([await begun.next(), await begun.next()]).to.deep.equal(['task submitted', 'working']);
    expect(performance.now() - began).to.be.below(400);
    const silent = await stream(service, says('v1', 'be silent'));
    expect(await silent.next()).to.equal('task submitted');
    gate.open();
    expect(await silent.all()).to.deep.equal(['task submitted', 'completed! in the end']);
    expect(await begun.all()).to.deep.equal(['task submitted', 'working', 'completed! in the end']);
  });

  it('is told of no task that two who send the same are not told of as well', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      await gate.passed;
      act.message('hello');
    };
    service.store.always('hang', 'commit');
    const params = says('v1', 'hi');
    const sends = [1, 2, 3].map(() => stream(service, params));
    await eventually(() => service.store.hanging === 1);
    service.store.always(undefined);
    service.store.release();
    const told = Promise.all((await Promise.all(sends)).map((reader) => reader.all()));
    gate.open();
    expect(await told).to.deep.equal([['message hello'], ['message hello'], ['message hello']]);
    expect(service.agent.begun).to.deep.equal(['hi']);
  });

  it('is told of a task when another one who sent the same is, and else of none', async () => {
    service.agent.script = (act) => {
      act.message('hello');
    };
    service.store.always('hang', 'commit');
    const params = says('v1', 'hi');
    const sends = [stream(service, params), stream(service, params)];
    const other = service.operations.sendMessage({ ...params, blocking: false }, callOf());
    await eventually(() => service.store.hanging === 1);
    service.store.always(undefined);
    service.store.release();
    const told = await Promise.all((await Promise.all(sends)).map((reader) => reader.all()));
    const isTask = (await other).result.kind === 'task';
    for (const words of told) expect(words.at(-1)).to.equal(isTask ? 'completed! hello' : 'message hello');
  });

  it('is told of a task as soon as there is one, however long its first event takes to be stored', async () => {
    const gate = new Gate();
    service.agent.script = async (act) => {
      await gate.passed;
      service.store.always('hang', 'commit');
      act.status('TASK_STATE_WORKING');
    };
    const reader = await stream(service, says('v1', 'go'));
    const first = reader.next();
    gate.open();
    await eventually(() => service.store.hanging === 1);
    for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
    expect(reader.words).to.deep.equal(['task submitted']);
    await first;
  });

  it('shows as much of the history as it was asked for', async () => {
    const lengths: unknown[] = [];
    for (const historyLength of [undefined, 0, 1]) {
      const reader = await stream(
        service,
        says('v1', 'go', undefined, historyLength === undefined ? {} : { historyLength }),
      );
      await reader.all();
      const event = reader.frames[0]?.event;
      lengths.push(event?.kind === 'task' && event.view.task.history.length);
    }
    expect(lengths).to.deep.equal([1, 0, 1]);
  });

  it('takes no notice of a cursor', async () => {
    const call = { ...callOf(), lastEventId: 'x.1' };
    const reader = read(await service.operations.sendStreamingMessage(messageOf('go'), call));
    expect(await reader.all()).to.deep.equal(['task submitted', 'a0 did go', 'completed!']);
  });

  it('is refused before it begins as a blocking one is', async () => {
    const params = messageOf('go', { taskId: 'nowhere.x' });
    const failure = await service.operations
      .sendStreamingMessage(params, callOf())
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ProtocolError).with.property('reason', 'TASK_NOT_FOUND');
  });
});
