import { expect } from 'chai';
import fc from 'fast-check';
import type { Codec } from '../../protocol/dialects/codec.ts';
import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { CreatePushParams } from '../../protocol/model.ts';
import { anything, attempt, nearlyRight } from './codecs-damage.ts';
import { REQUESTS } from './messages.ts';

type Decode = (params: unknown) => object | undefined;

/** How a codec reads a request. */
const DECODERS: Record<string, (codec: Codec) => Decode> = {
  list: (codec) => (params) => codec.list?.decode(params),
  create: (codec) => (params) => codec.push.decodeCreate(params),
  get: (codec) => (params) => codec.push.decodeGet(params),
  listConfigs: (codec) => (params) => codec.push.decodeList?.(params),
  delete: (codec) => (params) => codec.push.decodeDelete?.(params),
};

/** What becomes of a webhook that was taken: it is stored, shown and called. */
function keep({ taskId, config }: CreatePushParams, codec: Codec): void {
  if (config === null) return;
  const stored = JSON.parse(JSON.stringify({ taskId, config: { id: 'p', ...config } })) as {
    taskId: string;
    config: typeof config & { id: string };
  };
  const shown = codec.push.encodeConfig(stored);
  expect(JSON.parse(JSON.stringify(shown))).to.deep.equal(shown);
  const { token = '', authentication: { schemes = [], credentials = '' } = {} } = config;
  // throws when it is no URL, or no header
  new Headers({ Authorization: `${schemes.join(' ')} ${credentials}`, 'X-A2A-Notification-Token': token });
  expect(new URL(config.url).protocol).to.match(/^https?:$/);
}

describe('whatever a client asks for', () => {
  for (const dialect of ['v1', 'v03', 'v01'] as const) {
    const codec = CODECS[dialect];
    for (const [name, right] of Object.entries(REQUESTS[dialect])) {
      const decode = DECODERS[name]?.(codec);
      if (decode === undefined) throw new Error(`nobody reads ${name}`);

      const judge = (params: unknown): boolean => {
        attempt(() => codec.decodeSubscribe(params));
        const decoded = attempt(() => decode(params));
        if (decoded === undefined) return false;
        expect(JSON.parse(JSON.stringify(decoded)), 'what is taken is JSON').to.deep.equal(decoded);
        if (name === 'create') keep(decoded as CreatePushParams, codec);
        return true;
      };

      it(`is taken or refused as -32602 by ${name} of ${dialect}`, () => {
        fc.assert(fc.property(right, judge), { numRuns: 100 });
        let refused = 0;
        const wrong = fc.oneof(anything, fc.jsonValue(), nearlyRight(right));
        fc.assert(
          fc.property(wrong, (params) => {
            if (!judge(params)) refused += 1;
          }),
          { numRuns: 400 },
        );
        expect(refused).to.be.greaterThan(50);
      });
    }
  }

  it('from a moment on, it is not shown what was before, and nothing later is left out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e12, max: 4e12 }),
        fc.nat(999_999),
        fc.nat(999),
        (at, below, offset) => {
          const local = new Date(at + (offset - 500) * 60_000).toISOString().slice(0, 23);
          const minutes = Math.abs(offset - 500);
          const zone = `${offset < 500 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
          const statusTimestampAfter = `${local}${String(below).padStart(6, '0')}${zone}`;
          const since = CODECS.v1.list?.decode({ statusTimestampAfter }).since;
          expect(since, statusTimestampAfter).to.equal(below === 0 ? at : at + 1);
        },
      ),
    );
  });
});

const two = (number: number): string => String(number).padStart(2, '0');
