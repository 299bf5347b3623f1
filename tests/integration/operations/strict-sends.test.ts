import { expect } from 'chai';
import type { Message, TaskView } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { derivedSessionId, toStoredMessage } from '../../../server/a2a/message-identity.ts';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { reasonOf, TestClock } from '../../helpers/sessions.ts';
import { answered } from './answered-sends.ts';
import { newId } from './conversation.ts';
import { Gate, ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service, type ServiceOptions } from './service.ts';

const WINDOW_MS = 600_000;

const withKey = (call = callOf(), idempotencyKey = newId('key')): CallContext => ({
  ...call,
  idempotencyKey,
});

describe('strict idempotency', () => {
  let clock: TestClock;
  let agent: ScriptedAgent;
  let memory: MemorySessionStore;
  let services: Service[];

  beforeEach(() => {
    clock = new TestClock();
    agent = new ScriptedAgent();
    memory = new MemorySessionStore(clock.now);
    services = [];
  });
  afterEach(async () => {
    for (const { runner, manager } of services) {
      await runner.drain(0);
      await manager.close();
    }
  });

  /** One more instance on the store. */
  const start = (
    idempotency: 'strict' | 'off' | 'unanswered' = 'strict',
    store: SessionStore = memory,
    manager: ServiceOptions['manager'] = {},
  ): Service => {
    const settings = { idempotency, idempotencyWindowMs: WINDOW_MS };
    const options = { clock, agent, settings, manager };
    const service = createService(new FaultyStore(store, false), undefined, options);
    services.push(service);
    return service;
  };

  for (const [where, over] of [
    ['without a session', {}],
    ['with a session', { contextId: 'here' }],
  ] as [string, Partial<Message>][]) {
    it(`takes an answered send ${where} for the same one to the end of the window, and not after it`, async () => {
      const service = start();
      const params = messageOf('go', over);
      const first = await answered(service, params, callOf());
      clock.advance(WINDOW_MS - 1);
      expect(await answered(service, params, callOf())).to.equal(first);
      clock.advance(1);
      const second = await answered(service, params, callOf());
      expect(second).to.not.equal(first);
      // The new one has a window of its own.
      clock.advance(WINDOW_MS - 1);
      expect(await answered(service, params, callOf())).to.equal(second);
      clock.advance(1);
      const third = await answered(service, params, callOf());
      expect(third).to.not.equal(second);
      expect(await answered(service, params, callOf())).to.equal(third);
      expect(agent.begun).to.have.length(3);
    });

    it(`finds an answered send ${where} on another instance and after a restart`, async () => {
      const [one, two] = [start(), start()];
      const params = messageOf('go', over);
      const first = await answered(one, params, callOf());
      expect(await answered(two, params, callOf())).to.equal(first);
      clock.advance(WINDOW_MS);
      const second = await answered(two, params, callOf());
      expect(await answered(one, params, callOf())).to.equal(second);
      const again = start();
      expect(await answered(again, params, callOf())).to.equal(second);
      expect(second).to.not.equal(first);
      expect(agent.begun).to.have.length(2);
    });
  }

  it('gives a repeat the task as it stands now', async () => {
    const service = start();
    agent.script = (act) => {
      if (act.text === 'ask') act.status('TASK_STATE_INPUT_REQUIRED');
      else act.done('answer');
    };
    const ask = messageOf('ask');
    const taskId = await answered(service, ask, callOf());
    const blue = messageOf('blue', { taskId });
    expect(await answered(service, blue, callOf())).to.equal(taskId);
    for (const params of [ask, blue]) {
      const { result } = await service.operations.sendMessage(params, callOf());
      const { task } = (result as { view: TaskView }).view;
      expect([task.id, task.status.state]).to.deep.equal([taskId, 'TASK_STATE_COMPLETED']);
      expect(task.artifacts).to.have.length(1);
    }
    expect(agent.begun).to.deep.equal(['ask', 'blue']);
    clock.advance(WINDOW_MS);
    expect(await reasonOf(service.operations.sendMessage(blue, callOf()))).to.equal('INVALID_TASK_STATE');
  });

  it('gives a repeat the bare message again', async () => {
    const service = start();
    agent.script = (act) => {
      act.message(`word ${agent.begun.length}`);
    };
    const params = messageOf('go');
    expect(await answered(service, params, callOf())).to.equal('word 1');
    expect(await answered(service, params, callOf())).to.equal('word 1');
    clock.advance(WINDOW_MS);
    expect(await answered(service, params, callOf())).to.equal('word 2');
    expect(await answered(service, params, callOf())).to.equal('word 2');
  });

  it('takes equal text under one 0.1 id for the same message while the window lasts', async () => {
    const service = start();
    const send = (text: string): Promise<string> =>
      answered(service, messageOf(text, {}, { clientTaskId: 't' }), callOf('v01'));
    const first = await send('go');
    expect(await send('go')).to.equal(first);
    const other = await send('more');
    expect(other).to.not.equal(first);
    // Something else was said in between.
    const third = await send('go');
    expect([first, other]).to.not.include(third);
    clock.advance(WINDOW_MS);
    expect(await send('go')).to.not.equal(third);
    expect(agent.begun).to.deep.equal(['go', 'more', 'go', 'go']);
  });

  it('is not fooled by other content under the same id, nor by another caller', async () => {
    const service = start();
    for (const over of [{}, { contextId: 'here' }]) {
      const same = { messageId: 'same', ...over };
      const one = await answered(service, messageOf('one', same), callOf());
      const two = await answered(service, messageOf('two', same), callOf());
      const call = callOf();
      const principal = { ...call.principal, subject: 'somebody else' };
      const theirs = await answered(service, messageOf('one', { messageId: 'same' }), { ...call, principal });
      expect(new Set([one, two, theirs]).size).to.equal(3);
      expect(await answered(service, messageOf('one', same), callOf())).to.equal(one);
      expect(await answered(service, messageOf('two', same), callOf())).to.equal(two);
    }
  });

  it('finds a send behind hundreds of others', async () => {
    const service = start();
    const params = messageOf('go', { contextId: 'here' });
    const first = await answered(service, params, callOf());
    const others = Array.from({ length: 300 }, (_, i) => messageOf(`${i}`, { contextId: 'here' }));
    await Promise.all(others.map((other) => answered(service, other, callOf())));
    expect(await answered(service, params, callOf())).to.equal(first);
    expect(agent.begun).to.have.length(301);
  });

  it('is one send however many are in flight at once, answered or not, on any instance', async () => {
    const [one, two] = [start(), start()];
    for (const over of [{}, { contextId: 'here' }]) {
      const params = messageOf('go', over);
      for (const [round, ahead] of [0, 0, WINDOW_MS].entries()) {
        clock.advance(ahead);
        const before = agent.begun.length;
        const ids = await Promise.all(
          Array.from({ length: 10 }, (_, i) => answered(i % 2 === 0 ? one : two, params, callOf())),
        );
        expect(new Set(ids).size, `round ${round}`).to.equal(1);
        expect(agent.begun.length - before).to.equal(round === 1 ? 0 : 1);
      }
    }
  });

  it('keeps who serves a message as long as what serves it', async () => {
    const ttlMs = 2.5 * WINDOW_MS;
    const service = start('strict', memory, { ttlMs, cache: { maxSessions: 100, maxBytes: 1 } });
    const params = messageOf('go');
    await answered(service, params, callOf());
    // Each window another session serves it; the first one would have expired by now.
    let last = '';
    for (let i = 0; i < 5; i++) {
      clock.advance(WINDOW_MS);
      last = await answered(service, params, callOf());
    }
    clock.advance(WINDOW_MS - 1);
    expect(await answered(service, params, callOf())).to.equal(last);
  });

  for (const setting of ['off', 'unanswered'] as const) {
    describe(`of one call, asked for by its Idempotency-Key where the setting is ${setting}`, () => {
      it('finds what was answered, whatever the key is', async () => {
        const service = start(setting);
        for (const over of [{}, { contextId: 'here' }]) {
          const params = messageOf('go', over);
          const first = await answered(service, params, withKey());
          expect(await answered(service, params, withKey())).to.equal(first);
          const without = await answered(service, params, callOf());
          expect(without).to.not.equal(first);
          clock.advance(WINDOW_MS);
          expect([first, without]).to.not.include(await answered(service, params, withKey()));
        }
      });

      it('does not give the answer to another message that came with the same key', async () => {
        const service = start(setting);
        const one = await answered(service, messageOf('one'), withKey(callOf(), 'k'));
        expect(await answered(service, messageOf('two'), withKey(callOf(), 'k'))).to.not.equal(one);
        const same = { messageId: 'same' };
        const other = await answered(service, messageOf('one', same), withKey(callOf(), 'k'));
        expect(await answered(service, messageOf('two', same), withKey(callOf(), 'k'))).to.not.equal(other);
        expect(agent.begun).to.have.length(4);
      });

      it('is one send while it is in flight', async () => {
        const service = start(setting);
        const gate = new Gate();
        agent.script = async (act) => {
          await gate.passed;
          act.done();
        };
        const params = messageOf('go');
        const sends = Array.from({ length: 5 }, () => answered(service, params, withKey()));
        await eventually(() => agent.begun.length === 1);
        gate.open();
        expect(new Set(await Promise.all(sends)).size).to.equal(1);
        expect(agent.begun).to.have.length(1);
      });
    });
  }

  it('is for nothing that came without the key where the setting is unanswered', async () => {
    const service = start('unanswered');
    const params = messageOf('go');
    const first = await answered(service, params, callOf());
    expect(await answered(service, params, withKey())).to.equal(first);
    expect(await answered(service, params, callOf())).to.not.equal(first);
  });

  it('refuses rather than repeats what it cannot look up while the store is away', async () => {
    const store = new FaultyStore(memory, false);
    const service = start('strict', store);
    const params = messageOf('go');
    await answered(service, params, callOf());
    clock.advance(WINDOW_MS);
    const served = await answered(service, params, callOf());
    const other = start('strict', store);
    // It knows the session that was derived, and that another one serves the message now.
    const sessionId = derivedSessionId('default', 'anonymous', toStoredMessage(params.message));
    const home = await other.manager.openFresh({ tenant: 'default', sessionId });
    expect(served.startsWith(home?.journal.derived.serves ?? '?')).to.equal(true);
    store.always('refuse');
    expect(await reasonOf(other.operations.sendMessage(params, callOf()))).to.equal('STORE_UNAVAILABLE');
    store.always(undefined);
    expect(await answered(other, params, callOf())).to.equal(served);
    expect(agent.begun).to.have.length(2);
  });
});
