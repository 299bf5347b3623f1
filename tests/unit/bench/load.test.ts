import { expect } from 'chai';
import { getCall, ITEM, piecesOf, sendCall } from '../../../scripts/bench/call.ts';
import { checked } from '../../../scripts/bench/load.ts';
import { parseResult, scriptOf } from '../../../scripts/bench/load-wrk.ts';

/** What the n-th request says, as the generators put it together. */
function bodyOf(pieces: ReturnType<typeof piecesOf>, n: number, items: readonly string[] = []): unknown {
  const text = pieces.map((piece) => {
    if ('text' in piece) return piece.text;
    return piece.insert === 'number' ? String(n) : (items[n % items.length] ?? '');
  });
  return JSON.parse(text.join(''));
}

describe('the load of the bench', () => {
  it('sends a message that no other request has', () => {
    const message = (n: number): object => ({
      messageId: `run-${n}`,
      role: 'ROLE_USER',
      parts: [{ text: 'xxxx' }],
    });
    const pieces = piecesOf(sendCall(4), 'run');
    for (const n of [1, 2])
      expect(bodyOf(pieces, n)).to.deep.equal({
        jsonrpc: '2.0',
        id: n,
        method: 'SendMessage',
        params: { message: message(n) },
      });
  });

  it('takes sessions and tasks in turn', () => {
    const items = ['a', 'b'];
    const contexts = [1, 2, 3].map((n) => bodyOf(piecesOf(sendCall(1, ITEM, items)), n, items));
    expect(contexts.map((body) => JSON.stringify(body).match(/"contextId":"(.)"/)?.[1])).to.deep.equal([
      'b',
      'a',
      'b',
    ]);
    expect(bodyOf(piecesOf(getCall(items)), 2, items)).to.deep.include({
      method: 'GetTask',
      params: { id: 'a' },
    });
  });

  it('is written for wrk in strings that Lua reads alike', () => {
    const script = scriptOf(getCall(['s.t']), 'run');
    expect(script).to.contain('local items = {"s.t"}');
    expect(script).to.contain(
      String.raw`"method\":\"GetTask\",\"params\":{\"id\":\"" .. items[n % #items + 1]`,
    );
    expect(script).to.contain('string.find(body, "TASK_STATE_COMPLETED", 1, true)');
  });

  it('reads what wrk has counted', () => {
    const said = 'Running 1s test\n  4 threads\nRESULT 3000 2000000 1500 9000 2 1\n200 {"error":{}}\n';
    expect(parseResult(said)).to.deep.equal({
      requests: 3_000,
      perSecond: 1_500,
      p50Ms: 1.5,
      p99Ms: 9,
      wrongAnswers: 2,
      failures: 1,
      example: '200 {"error":{}}',
    });
  });

  it('fails by one wrong answer, one failure, or none at all', () => {
    const load = { url: '', call: sendCall(1), connections: 1, seconds: 2 };
    const good = parseResult('RESULT 10 1000000 1 1 0 0\n\n');
    expect(checked(load, good)).to.equal(good);
    expect(() => checked(load, { ...good, wrongAnswers: 1, example: 'no' })).to.throw(
      'SendMessage: 1 of 10 answers are wrong, such as no',
    );
    expect(() => checked(load, { ...good, failures: 1 })).to.throw('SendMessage: 1 requests failed');
    expect(() => checked(load, { ...good, requests: 0 })).to.throw('nothing was answered in 2 s');
  });

  it('does not take silence for a result', () => {
    expect(() => parseResult('unable to connect to 127.0.0.1:1\n')).to.throw('without a result');
  });
});
