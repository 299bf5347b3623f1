import { expect } from 'chai';
import { answerDialect } from '../../../protocol/dialects/codecs.ts';
import { selectDialect, type Selection } from '../../../protocol/dialects/select.ts';

const STRICT = { lenientVersion: false };
const LENIENT = { lenientVersion: true };

/** The code as it goes out: by the dialect in whose shape it goes out. */
function outcome({ dialect, legacy, operation, error }: Selection): unknown[] {
  return [dialect, legacy, operation ?? error?.rpcCode(dialect)];
}

const ROWS: [version: string | undefined, method: string, ...outcome: unknown[]][] = [
  // 1.0
  ['1.0', 'SendMessage', 'v1', false, 'sendMessage'],
  ['1.0.3', 'GetTask', 'v1', false, 'getTask'],
  [' 1.0 ', 'CancelTask', 'v1', false, 'cancelTask'],
  ['1.0', 'message/send', 'v1', false, -32601],
  ['1.0', 'tasks/get', 'v1', false, -32601],
  ['1.0', 'tasks/send', 'v1', false, -32601],
  ['1.0', 'Nonsense', 'v1', false, -32601],
  // no version, which is 0.3
  [undefined, 'message/send', 'v03', false, 'sendMessage'],
  ['', 'message/stream', 'v03', false, 'sendStreamingMessage'],
  ['  ', 'tasks/pushNotificationConfig/set', 'v03', false, 'createPushConfig'],
  [undefined, 'agent/getAuthenticatedExtendedCard', 'v03', false, 'getExtendedCard'],
  [undefined, 'nonsense', 'v03', false, -32601],
  // 0.3 by name
  ['0.3', 'message/send', 'v03', false, 'sendMessage'],
  ['0.3.0', 'tasks/get', 'v03', false, 'getTask'],
  ['0.3', 'tasks/cancel', 'v03', false, 'cancelTask'],
  ['0.3', 'tasks/resubscribe', 'v03', false, 'subscribeToTask'],
  ['0.3', 'SendMessage', 'v03', false, -32601],
  ['0.3', 'tasks/send', 'v03', false, -32601],
  // 0.1, by its own method names or by version
  [undefined, 'tasks/send', 'v01', false, 'sendMessage'],
  ['', 'tasks/sendSubscribe', 'v01', false, 'sendStreamingMessage'],
  [undefined, 'tasks/pushNotification/get', 'v01', false, 'getPushConfig'],
  ['0.1', 'tasks/send', 'v01', false, 'sendMessage'],
  ['0.1', 'tasks/get', 'v01', false, 'getTask'],
  ['0.1', 'message/send', 'v01', false, -32601],
  // names that 0.1 and 0.3 share
  [undefined, 'tasks/get', 'v03', true, 'getTask'],
  ['', 'tasks/cancel', 'v03', true, 'cancelTask'],
  [undefined, 'tasks/resubscribe', 'v03', true, 'subscribeToTask'],
  // 1.0 methods without a version
  [undefined, 'SendMessage', 'v1', false, -32009],
  ['', 'GetTask', 'v1', false, -32009],
  // no such version
  ['1', 'SendMessage', 'v1', false, -32009],
  ['1.1', 'SendMessage', 'v1', false, -32009],
  ['2.0', 'SendMessage', 'v1', false, -32009],
  ['0.2', 'message/send', 'v1', false, -32009],
  ['01.0', 'SendMessage', 'v1', false, -32009],
  ['1.0.0.1', 'SendMessage', 'v1', false, -32009],
  ['1.0-beta', 'SendMessage', 'v1', false, -32009],
  ['1.0, 0.3', 'SendMessage', 'v1', false, -32009],
  ['__proto__', 'tasks/send', 'v1', false, -32009],
  ['2.0', 'nonsense', 'v1', false, -32009],
];

describe('selectDialect', () => {
  for (const [version, method, ...expected] of ROWS) {
    it(`answers ${method} with version ${version === undefined ? 'absent' : `'${version}'`} by ${expected.join(', ')}`, () => {
      expect(outcome(selectDialect(method, version, STRICT))).to.deep.equal(expected);
    });
  }

  it('gives an operation or an error, never both', () => {
    for (const [version, method] of ROWS) {
      const { operation, error } = selectDialect(method, version, STRICT);
      expect(operation === undefined).to.equal(error !== undefined);
    }
  });

  it('serves 1.0 methods without a version as 1.0 when it is told to be lenient', () => {
    expect(outcome(selectDialect('SendMessage', undefined, LENIENT))).to.deep.equal([
      'v1',
      false,
      'sendMessage',
    ]);
    expect(outcome(selectDialect('SendMessage', '0.3', LENIENT))).to.deep.equal(['v03', false, -32601]);
    expect(outcome(selectDialect('SendMessage', '2.0', LENIENT))).to.deep.equal(['v1', false, -32009]);
    expect(outcome(selectDialect('tasks/get', undefined, LENIENT))).to.deep.equal(['v03', true, 'getTask']);
  });

  it('tells who asks for another version which ones there are', () => {
    expect(selectDialect('SendMessage', '2.0', STRICT).error?.metadata).to.deep.equal({
      requested: '2.0',
      supported: '0.3,1.0',
    });
  });

  it('repeats no more of a version or a method than an answer should carry', () => {
    const { error } = selectDialect('SendMessage', `9${'\ud800'.repeat(5000)}`, STRICT);
    expect(error?.metadata['requested']).to.equal(`9${'\ufffd'.repeat(63)}`);
    expect(error?.message.length).to.be.lessThan(200);
    expect(selectDialect('x'.repeat(5000), '1.0', STRICT).error?.metadata['method']).to.have.length(64);
  });
});

describe('answerDialect', () => {
  const shared = selectDialect('tasks/get', undefined, STRICT);

  it('shows a shared method the task in the dialect that made it, where that is 0.1', () => {
    expect(answerDialect(shared, { dialect: 'v01' })).to.equal('v01');
    expect(answerDialect(shared, { dialect: 'v03' })).to.equal('v03');
    expect(answerDialect(shared, { dialect: 'v1' })).to.equal('v03');
  });

  it('shows who names a version the task in that version', () => {
    expect(answerDialect(selectDialect('tasks/get', '0.3', STRICT), { dialect: 'v01' })).to.equal('v03');
    expect(answerDialect(selectDialect('tasks/get', '0.1', STRICT), { dialect: 'v1' })).to.equal('v01');
    expect(answerDialect(selectDialect('GetTask', '1.0', STRICT), { dialect: 'v01' })).to.equal('v1');
  });
});
