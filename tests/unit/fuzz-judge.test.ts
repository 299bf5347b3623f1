import { expect } from 'chai';
import { AnswerReader, BrokenAnswerError, type FuzzAnswer } from '../../scripts/fuzz/answers.ts';
import { Judge } from '../../scripts/fuzz/judge.ts';
import { growth } from '../../scripts/fuzz/memory-verdict.ts';
import type { Caller, FuzzRequest } from '../../scripts/fuzz/requests.ts';

const MB = 1024 * 1024;
const ACME: Caller = { tenant: 'acme', key: 'key-of-acme', mark: 'said-by-acme' };
const BETA: Caller = { tenant: 'beta', key: 'key-of-beta', mark: 'said-by-beta' };
const judge = new Judge({ secrets: new Map([['password', 's3cret']]), callers: [ACME, BETA] });

const requestOf = (body: string, over: Partial<FuzzRequest> = {}): FuzzRequest => ({
  kind: 'right',
  head: '',
  body: Buffer.from(body),
  wire: Buffer.from(body),
  httpMethod: 'POST',
  path: '/a2a',
  caller: ACME,
  isCall: true,
  ...over,
});
const answerOf = (body: string, status = 200, headers: Record<string, string> = {}): FuzzAnswer => ({
  status,
  headers: new Map(Object.entries({ 'content-type': 'application/json', ...headers })),
  body,
  isOpen: false,
});
const CALL = requestOf('{"jsonrpc":"2.0","id":7,"method":"GetTask"}');
const good = (members: string, id = '7'): string => `{"jsonrpc":"2.0","id":${id},${members}}`;
const failed = (code: number, message = 'x', id = '7'): string =>
  good(`"error":{"code":${code},"message":"${message}"}`, id);

describe('the judge of the fuzzer', () => {
  for (const [what, request, answer] of [
    ['a result', CALL, answerOf(good('"result":{"text":"said-by-acme"}'))],
    ['an error', CALL, answerOf(failed(-32001))],
    ['an id that could not be read', requestOf('{"id":7,'), answerOf(failed(-32700, 'x', 'null'))],
    ['a refusal with advice', CALL, answerOf(failed(-32603), 503, { 'retry-after': '1' })],
    ['nothing, to nobody', CALL, answerOf('', 204)],
    [
      'a stream',
      CALL,
      answerOf(`id: 1\ndata: ${good('"result":{}')}\n\n: beat\n\n`, 200, {
        'content-type': 'text/event-stream',
      }),
    ],
  ] as const)
    it(`takes ${what}`, () => {
      expect(judge.faultsOf(request, answer)).to.deep.equal([]);
    });

  for (const [fault, request, answer] of [
    ['status 500', CALL, answerOf(failed(-32603), 500)],
    ['status 503', CALL, answerOf(failed(-32603), 503)],
    ['no JSON with 200', CALL, answerOf('<html>')],
    ['type text/html with 404', CALL, answerOf('{}', 404, { 'content-type': 'text/html' })],
    ['another id', CALL, answerOf(good('"result":1', '8'))],
    ['another id', CALL, answerOf(failed(-32001, 'x', 'null'))],
    ['another id', requestOf('{"id":"7"}'), answerOf(failed(-32001))],
    ['no jsonrpc', CALL, answerOf('{"id":7,"result":1}')],
    ['neither result nor error, or both', CALL, answerOf('{"jsonrpc":"2.0","id":7}')],
    ['an error without code or message', CALL, answerOf(good('"error":{"code":1}'))],
    ['internal error', CALL, answerOf(failed(-32603, 'Internal error'))],
    ['tells a secret: password', CALL, answerOf(good('"result":"s3cret"'))],
    ['tells a key of acme', CALL, answerOf(good('"result":"key-of-acme"'))],
    ['tells acme what beta said', CALL, answerOf(good('"result":"said-by-beta"'))],
    ['tells a secret: password', CALL, answerOf(good('"result":1'), 200, { 'x-a': 's3cret' })],
    [
      'tells nobody what acme said',
      requestOf('{"id":7}', { caller: undefined }),
      answerOf(good('"result":"said-by-acme"')),
    ],
    [
      'another id in a stream',
      CALL,
      answerOf(`data: ${good('"result":1', '8')}\n\n`, 200, { 'content-type': 'text/event-stream' }),
    ],
    ['no JSON in a stream', CALL, answerOf('data: oops\n\n', 200, { 'content-type': 'text/event-stream' })],
  ] as const)
    it(`finds: ${fault} in ${answer.status} ${answer.body.slice(0, 40)}`, () => {
      expect(judge.faultsOf(request, answer)).to.deep.equal([fault]);
    });

  for (const told of [
    'Error: x\\n    at Object.run (/srv/app/x.js:10:5)',
    'at async file:///srv/x.js:1:2',
    '/srv/node_modules/x',
    'redis://10.0.0.1:6379',
    'connect ECONNREFUSED',
    'WRONGTYPE Operation against a key',
    "Cannot read properties of undefined (reading 'x')",
    'TypeError: x is not a function',
    '[object Object]',
  ])
    it(`finds what tells of the inside: ${told}`, () => {
      const faults = judge.faultsOf(CALL, answerOf(failed(-32001, told)));
      expect(faults.filter((fault) => fault.startsWith('tells of itself')).length).to.be.at.least(1);
    });

  it('finds memory that grew, and forgives what fills up first', () => {
    const look = (heapUsed: number, rss = 100 * MB) => ({
      heapUsed,
      rss,
      external: 0,
      arrayBuffers: 0,
      handles: {},
    });
    const steady = [look(10 * MB), ...Array.from({ length: 9 }, () => look(40 * MB))];
    expect(growth(steady)).to.deep.equal([]);
    expect(growth([look(40 * MB)])).to.deep.equal([]);
    expect(growth([...steady, look(80 * MB)])).to.deep.equal(['heapUsed grew from 40.0 MB to 80.0 MB']);
    expect(growth([...steady, look(40 * MB, 300 * MB)])).to.deep.equal([
      'rss grew from 100.0 MB to 300.0 MB',
    ]);
  });
});

describe('what the fuzzer reads off a connection', () => {
  const readerOf = (text: string): AnswerReader => {
    const reader = new AnswerReader();
    for (const byte of Buffer.from(text)) reader.push(Buffer.from([byte]));
    return reader;
  };

  it('are answers by their length, in chunks, without a body, to the end, and after "continue"', () => {
    const reader = readerOf(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\näa' +
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n' +
        'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' +
        'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nend',
    );
    const bodies = [false, false, false, true, false].map((isHead) => reader.next(isHead, true)?.body);
    expect(bodies).to.deep.equal(['äa', 'abc', '', '', 'end']);
    expect(reader.isEmpty).to.equal(true);
  });

  it('are not answers before they are whole', () => {
    for (const text of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab'])
      expect(readerOf(text).next(false, true)).to.equal(undefined);
  });

  it('are the events of a stream as far as it has come', () => {
    const reader = readerOf(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n5\r\nda',
    );
    expect(reader.next(false, false)).to.equal(undefined);
    expect(reader.stream()).to.deep.include({ status: 200, body: 'data: 1\n\nda', isOpen: true });
  });

  for (const text of ['SSH-2.0-x\r\n', 'HTTP/1.1 2x0 OK\r\n\r\n'])
    it(`are no answers of HTTP: ${JSON.stringify(text)}`, () => {
      expect(() => readerOf(text).next(false, false)).to.throw(BrokenAnswerError);
    });
});
