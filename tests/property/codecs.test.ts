import { expect } from 'chai';
import fc from 'fast-check';
import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { Dialect, Message, Task } from '../../protocol/model.ts';
import { TASK_STATES } from '../../protocol/task-state.ts';
import { anything, attempt, nearlyRight } from './codecs-damage.ts';
import { FULL, id, SENDS, v01Message, v1Message } from './messages.ts';

const DIALECTS = ['v1', 'v03', 'v01'] as const;

function holding(message: Message): Task {
  return {
    id: 'c.t',
    contextId: 'c',
    status: { state: 'TASK_STATE_COMPLETED', timestamp: '2026-01-02T03:04:05.678Z' },
    artifacts: [{ artifactId: 'a', parts: message.parts }],
    history: [message],
  };
}

interface Shown {
  artifacts: { parts: unknown }[];
  history: Record<string, unknown>[];
}

/** A message as a client sees it that gets its task. */
function show(dialect: Dialect, message: Message): Shown {
  const shown = CODECS[dialect].encodeTask({ task: holding(message), dialect });
  const wire: unknown = JSON.parse(JSON.stringify(shown));
  expect(wire, 'what is encoded is JSON as it stands').to.deep.equal(shown);
  return wire as Shown;
}

/** Stored as JSON, as records are. */
function stored<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

describe('what a client says', () => {
  for (const dialect of DIALECTS) {
    it(`it sees again in ${dialect}, word for word`, () => {
      const { message, params } = SENDS[dialect];
      fc.assert(
        fc.property(message, (said) => {
          const shown = show(dialect, stored(CODECS[dialect].decodeSend(params(said)).message));
          const home = dialect === 'v01' ? {} : { contextId: 'c', taskId: 'c.t' };
          expect(shown.history).to.deep.equal([{ ...home, ...said }]);
          expect(shown.artifacts[0]?.parts).to.deep.equal(said['parts']);
        }),
      );
    });
  }

  it('in 1.0 comes back whole from a client of 0.3 that repeats it', () => {
    fc.assert(
      fc.property(v1Message, (said) => {
        const decoded = stored(CODECS.v1.decodeSend({ message: said }).message);
        const [seen] = show('v03', decoded).history;
        const repeated = CODECS.v03.decodeSend({ message: seen }).message;
        expect(repeated).to.deep.equal({ contextId: 'c', taskId: 'c.t', ...decoded });
      }),
    );
  });

  it('in 1.0 comes back from a client of 0.1 but for what 0.1 has no place for', () => {
    fc.assert(
      fc.property(v1Message, (said) => {
        const decoded = stored(CODECS.v1.decodeSend({ message: said }).message);
        const [seen] = show('v01', decoded).history;
        const repeated = CODECS.v01.decodeSend({ id: 't', message: seen }).message;
        const { role, parts: kept, metadata: meta } = decoded;
        expect(repeated).to.deep.equal({ messageId: '', role, parts: kept, ...(meta && { metadata: meta }) });
      }),
    );
  });

  it('in 0.1 comes back whole from clients of 0.3 and 1.0', () => {
    fc.assert(
      fc.property(v01Message, (said) => {
        const decoded = stored(CODECS.v01.decodeSend({ id: 't', message: said }).message);
        for (const dialect of ['v03', 'v1'] as const) {
          const [seen] = show(dialect, decoded).history;
          const { parts: repeated } = CODECS[dialect].decodeSend({
            message: { ...seen, messageId: 'm' },
          }).message;
          expect(repeated).to.deep.equal(decoded.parts);
        }
      }),
    );
  });
});

const PRISTINE = Reflect.ownKeys(Object.prototype);

describe('whatever a client says', () => {
  for (const dialect of DIALECTS) {
    const codec = CODECS[dialect];
    const tally = { taken: 0, refused: 0 };

    const judge = (params: unknown) => {
      attempt(() => codec.decodeGet(params));
      attempt(() => codec.decodeCancel(params));
      const send = attempt(() => codec.decodeSend(params));
      tally[send === undefined ? 'refused' : 'taken'] += 1;
      if (send === undefined) return;
      for (const other of DIALECTS) {
        const shown = CODECS[other].encodeTask({ task: holding(stored(send.message)), dialect });
        expect(stored(shown)).to.deep.equal(shown);
      }
    };

    it(`is taken or refused as -32602 in ${dialect}, and what is taken can be stored and shown`, () => {
      fc.assert(fc.property(fc.oneof(anything, fc.jsonValue()), judge), { numRuns: 200 });
      fc.assert(fc.property(nearlyRight(FULL[dialect]), judge), { numRuns: 600 });
      expect(tally.taken, 'taken').to.be.greaterThan(50);
      expect(tally.refused, 'refused').to.be.greaterThan(250);
      expect(Reflect.ownKeys(Object.prototype)).to.deep.equal(PRISTINE);
    });
  }
});

describe('every task', () => {
  it('can be shown in every dialect, with what the dialect requires', () => {
    const states = fc.constantFrom(...TASK_STATES);
    fc.assert(
      fc.property(v1Message, states, fc.option(id, { nil: undefined }), (said, state, alias) => {
        const { message } = CODECS.v1.decodeSend({ message: said });
        const task: Task = { ...holding(message), status: { state, timestamp: 'then', message } };
        for (const dialect of DIALECTS) {
          const view = { task, dialect, ...(alias === undefined ? {} : { alias }) };
          const shown = stored(CODECS[dialect].encodeTask(view));
          expect(shown).to.have.property('id', dialect === 'v1' ? 'c.t' : (alias ?? 'c.t'));
          expect(shown).to.have.property(dialect === 'v01' ? 'sessionId' : 'contextId', 'c');
          expect(shown).to.have.nested.property('status.state').that.is.a('string');
          expect(stored(CODECS[dialect].encodeSend({ kind: 'message', message }))).to.be.an('object');
        }
      }),
    );
  });
});
