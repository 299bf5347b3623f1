import { expect } from 'chai';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random } from '../../scripts/recovery/random.ts';
import { call, post, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';
import { BODY_MAX_BYTES, ENVELOPES, type Make, type Malformed } from './malformed-bodies.ts';
import { HEAVY, WRONG_PARAMS } from './malformed-params.ts';

const REQUESTS = 10_000;
/** After so many everything that is made once has been made. */
const WARM = 2_000;
const AT_ONCE = 8;
const GROWTH_MAX_BYTES = 4 * 1_048_576;
const ANSWER_MAX_CHARS = 40_000;
/** What only somebody who looks into the server would know. */
const INTERNAL =
  /\n\s+at |node_modules|node:internal|\.[jt]s:\d|zod|jayson|ioredis|TypeError|Cannot read|is not a function|Unexpected token|in JSON at/i;

/** Params are where most can be wrong. */
const KINDS: readonly (readonly [string, Make])[] = [
  ...Object.entries(ENVELOPES),
  ...Array.from({ length: 6 }, () => Object.entries(WRONG_PARAMS)).flat(),
];
const HEAVY_KINDS = Object.entries(HEAVY);
const HEAVY_EVERY = 100;

function malformed(random: Random, nth: number): Malformed {
  const kinds = nth % HEAVY_EVERY === 0 ? HEAVY_KINDS : KINDS;
  const [kind, make] = kinds[random.below(kinds.length)]!;
  return { kind, ...make(random) };
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

describe('malformed requests over HTTP', () => {
  const holdfast = useServer(() => ({}), { A2A_MAX_BODY_BYTES: String(BODY_MAX_BYTES) });

  async function expectRefused(wrong: Malformed): Promise<void> {
    const { status, headers, text, json } = await post(holdfast.url, wrong.body, wrong.headers);
    expect(headers.get('Content-Type')).to.equal('application/json');
    expect(status).to.equal(wrong.httpStatus ?? 200);
    expect(Object.keys(json)).to.have.members(['jsonrpc', 'id', 'error']);
    expect(json).to.deep.include({ jsonrpc: '2.0', id: wrong.id });
    expect(json.error?.code).to.equal(wrong.code);
    if (wrong.names !== undefined) expect(json.error?.message).to.contain(wrong.names);
    const said = JSON.stringify(json.error);
    expect(said).to.not.match(INTERNAL);
    expect(said.length).to.be.below(ANSWER_MAX_CHARS);
    expect(text.length).to.be.below(ANSWER_MAX_CHARS + 6 * JSON.stringify(json.id).length);
  }

  /** Several connections, kept open, each with one request after the other. */
  async function sendAll(random: Random, from: number, to: number): Promise<Set<string>> {
    const seen = new Set<string>();
    let next = from;
    const client = async (): Promise<void> => {
      while (next < to) {
        const nth = next++;
        const wrong = malformed(random, nth);
        seen.add(wrong.kind);
        try {
          await expectRefused(wrong);
        } catch (error) {
          const body = Buffer.from(wrong.body).toString().slice(0, 500);
          throw new Error(`request ${nth}, ${wrong.kind}: ${body}`, { cause: error });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    return seen;
  }

  it(`are answered with the right code and id, ${REQUESTS} of them, and leave nothing behind`, async function () {
    this.timeout(120_000);
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = new Random(seed);
    try {
      const seen = await sendAll(random, 0, WARM);
      const warm = heapUsed();
      for (const kind of await sendAll(random, WARM, REQUESTS)) seen.add(kind);
      const kinds = [...KINDS, ...HEAVY_KINDS].map(([kind]) => kind);
      expect([...seen]).to.have.members([...new Set(kinds)]);
      expect(heapUsed() - warm).to.be.below(GROWTH_MAX_BYTES);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    // Who names another tenant is told of in the audit stream.
    const logged = holdfast.logs.lines.filter((line) => !('stream' in line));
    expect(logged.map(({ event }) => event)).to.deep.equal(['server_listening']);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
    const metrics = await (await fetch(new URL('/metrics', holdfast.url))).text();
    expect(metrics).to.contain('holdfast_cache_sessions 0\n').and.contain('holdfast_tasks_running 0\n');
    expect(metrics).to.not.contain('outcome="INTERNAL"');

    const answers = [
      await call(holdfast.url, 'tasks/send', sendV01('t', 'one', 's1')),
      await call(holdfast.url, 'message/send', sendV03('m2', 'two', 's1')),
      await call(holdfast.url, 'SendMessage', sendV1('m3', 'recall', 's1'), V1),
    ];
    expect(answers[2]?.json.result).to.have.nested.property('task.artifacts[0].parts[0].text', 'one\ntwo');
  });
});
