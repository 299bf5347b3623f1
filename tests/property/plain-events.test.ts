/** What is read the quick way is what the reader of all shapes makes of it, for every value that the quick way takes. */
import { expect } from 'chai';
import fc from 'fast-check';
import { readPlainEvent } from '../../server/agents/plain-event.ts';
import { readAnyEvent } from '../../server/agents/read-event.ts';

const ids = { taskId: 's.t', contextId: 's' };

/** Mostly what belongs there, and now and then anything. */
const or = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 30, arbitrary: good },
    { weight: 1, arbitrary: fc.oneof(junk, fc.constantFrom('', null)) },
  );
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything(),
  fc.constantFrom(
    undefined,
    null,
    '',
    0,
    true,
    [],
    {},
    { toJSON: () => 'x' },
    { toJSON: () => ({ text: 'x' }) },
  ),
);
const maybe = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  or(fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: good }));
const rarely = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 30, arbitrary: fc.constantFrom(undefined, null) }, { weight: 1, arbitrary: good });

const text = fc.string();
const id = fc.oneof(fc.constantFrom('a', 'long-id', ' ', 'é', 'x'.repeat(257)), fc.string());
const part = fc.record(
  {
    text: or(text),
    raw: rarely(fc.constant('aGk=')),
    url: rarely(text),
    data: fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: junk }),
    filename: maybe(text),
    mediaType: maybe(text),
    metadata: rarely(fc.dictionary(text, text)),
    kind: fc.constant('text'),
    content: rarely(fc.constant({ $case: 'text', value: 'sdk' })),
  },
  { requiredKeys: ['text'] },
);
const parts = or(fc.array(or(part), { maxLength: 3 }));
const role = fc.constantFrom(
  'ROLE_AGENT',
  'ROLE_AGENT',
  'ROLE_AGENT',
  2,
  'agent',
  'ROLE_USER',
  1,
  0,
  undefined,
);
const none = maybe(fc.constantFrom([], ['x'], [1]));
const metadata = rarely(fc.constantFrom({}, { a: 1 }, 'x'));
const message = fc.record(
  { messageId: or(id), role, parts, referenceTaskIds: none, extensions: none, metadata },
  { requiredKeys: ['messageId', 'role', 'parts'] },
);
const status = fc.record(
  {
    state: fc.constantFrom('TASK_STATE_WORKING', 'TASK_STATE_COMPLETED', 3, 'failed', 'nonsense', undefined),
    timestamp: maybe(text),
    message: maybe(message),
  },
  { requiredKeys: ['state'] },
);
const artifact = fc.record(
  { artifactId: or(id), name: maybe(text), description: maybe(text), parts, extensions: none, metadata },
  { requiredKeys: ['artifactId', 'parts'] },
);
const home = fc.constantFrom('s.t', 's.t', 's.t', undefined, null, '', 's.other');
const context = fc.constantFrom('s', 's', 's', undefined, null, '', 'other');
const flag = fc.constantFrom(undefined, true, false, null, 0, 'true');
const data = fc.record(
  {
    id: home,
    taskId: home,
    contextId: context,
    status: or(status),
    artifact: or(artifact),
    append: flag,
    lastChunk: flag,
    artifacts: maybe(fc.array(artifact, { maxLength: 2 })),
    history: maybe(fc.array(or(message), { maxLength: 2 })),
    messageId: or(id),
    role,
    parts,
    metadata,
  },
  { requiredKeys: [] },
);
const kind = fc.constantFrom('task', 'message', 'statusUpdate', 'artifactUpdate', 'status-update', undefined);
const event = or(fc.record({ kind, data: or(data) }));

describe('events that are read the quick way', () => {
  it('are what the reader of all shapes makes of them', () => {
    let taken = 0;
    fc.assert(
      fc.property(event, (given) => {
        const plain = readPlainEvent(given, ids);
        if (plain === undefined) return;
        taken += 1;
        expect(plain).to.deep.equal(readAnyEvent(given, ids));
      }),
      { numRuns: 20_000 },
    );
    // Or nothing was compared.
    expect(taken).to.be.greaterThan(500);
  });

  it('take what the plainest agents publish', () => {
    const said = { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hi' }] };
    const submitted = { state: 'TASK_STATE_SUBMITTED', timestamp: '2026-01-02T03:04:05.678Z' };
    const heard = [{ ...said, role: 'ROLE_USER' }];
    for (const published of [
      { kind: 'task', data: { id: 's.t', contextId: 's', status: submitted, artifacts: [], history: heard } },
      {
        kind: 'artifactUpdate',
        data: { ...ids, artifact: { artifactId: 'a', name: 'a', parts: [{ text: '' }] } },
      },
      {
        kind: 'artifactUpdate',
        data: { ...ids, artifact: { artifactId: 'a', parts: [] }, append: true, lastChunk: true },
      },
      { kind: 'statusUpdate', data: { ...ids, status: { state: 'TASK_STATE_COMPLETED', message: said } } },
      { kind: 'message', data: said },
    ]) {
      expect(readPlainEvent(published, ids), published.kind).to.deep.equal(readAnyEvent(published, ids));
    }
  });
});
