import { expect } from 'chai';
import { REST } from '../../scripts/evidence/document.ts';
import { withSection } from '../../scripts/soak/soak-report.ts';
import { judgeSoak, type Rest } from '../../scripts/soak/soak-verdict.ts';

const MB = 1024 * 1024;
const REGISTRY = ['a2a:1:{reg}:instances', 'a2a:1:{reg}:tenants', 'a2a:1:{reg}:settings'];

interface Planted extends Partial<Omit<Rest, 'holdings'>> {
  readonly heapUsed?: number;
  readonly handles?: Record<string, number>;
}

const rest = ({ heapUsed = 40 * MB, handles = { TCPServerWrap: 1 }, ...over }: Planted = {}): Rest => ({
  holdings: { heapUsed, handles, external: 0, arrayBuffers: 0, rss: 0 },
  business: [],
  cached: 0,
  keys: REGISTRY,
  ...over,
});

describe('the verdict of the soak', () => {
  it('finds nothing where everything came back', () => {
    expect(judgeSoak(rest(), rest({ heapUsed: 40 * 1.05 * MB + 4 * MB }))).to.deep.equal([]);
    expect(judgeSoak(rest({ handles: { Timeout: 3 } }), rest({ handles: { Timeout: 2 } }))).to.deep.equal([]);
  });

  for (const [what, planted, found] of [
    ['a heap that grew', { heapUsed: 47 * MB }, 'the heap is 47.0 MB, 46.0 MB would do'],
    ['a handle that stayed', { handles: { TCPServerWrap: 1, Timeout: 1 } }, 'Timeout 1, 0 before'],
    ['a record that waits', { business: ['pending_records 2'] }, 'pending_records 2'],
    [
      'a key that stayed',
      { keys: [...REGISTRY, 'a2a:1:{default.00}:s:x'] },
      '1 keys stay in Redis: a2a:1:{default.00}:s:x',
    ],
  ] satisfies [string, Planted, string][]) {
    it(`finds ${what}`, () => {
      expect(judgeSoak(rest(), rest(planted))).to.deep.equal([found]);
    });
  }
});

describe('the soak in docs/evidence.md', () => {
  const section = (text: string): string => `<!-- soak -->\n${text}\n<!-- /soak -->`;

  it('comes last, behind the mark of what other runs keep', () => {
    expect(withSection('# Evidence\n', section('one'))).to.equal(
      `# Evidence\n\n${REST}\n\n${section('one')}\n`,
    );
    expect(withSection(`# Evidence\n${REST}\n`, section('one'))).to.equal(
      `# Evidence\n${REST}\n\n${section('one')}\n`,
    );
  });

  it('takes the place of the last one', () => {
    const before = withSection('# Evidence\n', section('one')) + '\nmore\n';
    expect(withSection(before, section('two'))).to.equal(before.replace('one', 'two'));
  });
});
