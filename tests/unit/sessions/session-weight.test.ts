import { expect } from 'chai';
import type { JsonValue } from '../../../protocol/units.ts';
import type { Part } from '../../../protocol/model.ts';
import { toDecided, type RecordBody } from '../../../server/sessions/records.ts';
import { Session } from '../../../server/sessions/session.ts';
import { take, weightOf } from '../../../server/sessions/session-weight.ts';
import { refOf } from '../../helpers/sessions.ts';

const saying = (...parts: Part[]): RecordBody => ({
  ...{ t: 'message', at: 1, task: 't1' },
  message: { messageId: 'm1', role: 'ROLE_USER', parts },
});

/** A session with these records. */
function sessionOf(...bodies: RecordBody[]): Session {
  const session = new Session(refOf(), 'e1');
  for (const body of [{ t: 'created', at: 1 } as const, ...bodies]) {
    const { bytes } = toDecided({ instance: 'i', seq: session.head + 1 }, body);
    const identity = { instance: 'i', seq: session.head + 1 };
    take(session, { n: session.head + 1, identity, body, skippable: false, bytes });
  }
  return session;
}

const inJson = (session: Session): number => 2_048 + 2 * session.bytes;
const beyondJson = (...bodies: RecordBody[]): number => {
  const session = sessionOf(...bodies);
  return weightOf(session) - inJson(session);
};

describe('the weight of a session', () => {
  it('is 2 KiB and twice the bytes of its records when those are texts', () => {
    expect(beyondJson(saying({ text: 'x'.repeat(5_000) }))).to.equal(0);
  });

  it('has what objects, names and elements take in memory, wherever they are nested', () => {
    const weigh = (data: JsonValue): number => beyondJson(saying({ data }));
    expect(weigh(Array.from({ length: 1_000 }, () => ({})))).to.be.greaterThan(64_000);
    expect(
      weigh(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, 1]))),
    ).to.be.greaterThan(30_000);
    expect(weigh(Array.from({ length: 1_000 }, () => 1))).to.be.greaterThan(8_000);
    expect(weigh({ a: { b: [{}] } })).to.be.greaterThan(3 * 64);

    const list: JsonValue = Array.from({ length: 1_000 }, () => ({}));
    const by = 'i.1';
    const status = { t: 'status', at: 1, task: 't1', state: 'TASK_STATE_WORKING' } as const;
    const content = { parts: [{ text: 'x', metadata: { list } }] };
    for (const body of [
      { t: 'state', at: 1, task: 't1', by, key: 'k', value: list },
      { t: 'task', at: 1, task: 't1', by, metadata: { list } },
      { ...status, metadata: { list } },
      { ...status, message: { messageId: 'm', role: 'ROLE_AGENT', ...content } },
      { t: 'artifact', at: 1, task: 't1', artifact: { artifactId: 'a', ...content } },
      { t: 'reply', at: 1, task: 't1', by, message: { messageId: 'm', role: 'ROLE_AGENT', ...content } },
      { t: 'refused', at: 1, why: 'no', record: saying({ data: list }) },
    ] satisfies RecordBody[])
      expect(beyondJson(body), body.t).to.be.greaterThan(64_000);
  });

  it('grows by each record', () => {
    const one = beyondJson(saying({ data: [{}, {}] }));
    expect(beyondJson(saying({ data: [{}, {}] }), saying({ data: [{}, {}] }))).to.equal(2 * one);
  });
});
