import { expect } from 'chai';
import { ByteLog, type Entry } from '../../../server/sessions/byte-log.ts';

const KIB = 1_024;
const EVER = -Infinity;
const NO_BOUND = Infinity;

describe('a log of bytes', () => {
  let log: ByteLog;

  beforeEach(() => {
    log = new ByteLog(64);
  });

  const write = (text: string, hash: number, at = 0): void => {
    const length = Buffer.byteLength(text);
    const slab = log.begin(4 + length);
    const start = slab.next;
    slab.view.setUint32(start, length, true);
    slab.bytes.write(text, start + 4);
    log.seal(slab, start + 4 + length, hash, at);
  };
  const textOf = ({ slab, start }: Entry): string =>
    slab.bytes.toString('utf8', start + 4, start + 4 + slab.view.getUint32(start, true));
  const chain = (hash: number): string[] => {
    const texts: string[] = [];
    for (let entry = log.newest(hash); entry !== undefined; entry = log.before(entry))
      if (entry.hash === hash && !entry.isGone) texts.push(textOf(entry));
    return texts;
  };
  const all = (): string[] => [...log.all()].filter(({ isGone }) => !isGone).map(textOf);

  it('gives back what was written under a hash, newest first, and everything, oldest first', () => {
    for (const text of ['a', 'b', 'c']) write(text, 1);
    for (const text of ['é', '']) write(text, 2);
    expect(chain(1)).to.deep.equal(['c', 'b', 'a']);
    expect(chain(2)).to.deep.equal(['', 'é']);
    expect(chain(3)).to.deep.equal([]);
    expect(all()).to.deep.equal(['a', 'b', 'c', 'é', '']);
  });

  it('keeps apart what shares a slot', () => {
    const [one, other] = [5, 5 + 64 * 3];
    write('a', one);
    write('b', other);
    write('c', one);
    expect(chain(one)).to.deep.equal(['c', 'a']);
    expect(chain(other)).to.deep.equal(['b']);
  });

  it('uses its slabs again, and never takes one entry for another that lay there', () => {
    const slabs = new Set<Buffer>();
    for (let i = 0; i < 2_000; i += 1) {
      const text = `${i} ${'x'.repeat((i * 37) % (20 * KIB))}`;
      write(text, i % 7, i);
      log.prune(i - 20, NO_BOUND, NO_BOUND);
      const entries = [...log.all()];
      for (const { slab } of entries) slabs.add(slab.bytes);
      const wanted = Array.from({ length: Math.min(i, 20) + 1 }, (_, back) => i - back);
      expect(entries.map(({ writtenAt }) => writtenAt)).to.deep.equal(wanted.toReversed());
      expect(chain(i % 7).map((found) => Number(found.split(' ')[0]))).to.deep.equal(
        wanted.filter((other) => other % 7 === i % 7),
      );
      expect(chain(i % 7)[0]).to.equal(text);
      expect(log.count).to.equal(wanted.length);
    }
    // 20 MB went through, and at most 0.5 MB of it stood there at a time
    expect(slabs.size).to.be.below(8);
  });

  it('takes what is larger than a slab, in its place between the others', () => {
    const sizes = [10, 300 * KIB, 20, 5_000 * KIB, 32 * KIB, 33 * KIB, 30];
    const texts = sizes.map((size, i) => `${i}`.repeat(size));
    for (const text of texts) write(text, 1);
    expect(all()).to.deep.equal(texts);
    expect(chain(1)).to.deep.equal(texts.toReversed());
    expect(log.bytes).to.be.within(5_365 * KIB, 5_367 * KIB);
    log.prune(EVER, 200 * KIB, NO_BOUND);
    expect(all()).to.deep.equal(texts.slice(4));
    expect(log.bytes).to.be.within(65 * KIB, 66 * KIB);
    log.prune(EVER, 0, NO_BOUND);
    expect(log.bytes).to.equal(0);
    expect(all()).to.deep.equal([]);
    write('again', 1);
    expect(chain(1)).to.deep.equal(['again']);
  });

  it('counts the room of what is marked as gone until everything older has left', () => {
    for (const text of ['a', 'b', 'c']) write(text, 1, 5);
    const { bytes } = log;
    const [a, b, c] = [...log.all()] as [Entry, Entry, Entry];
    log.drop(b);
    log.prune(5, NO_BOUND, NO_BOUND);
    expect(log.bytes).to.equal(bytes);
    expect(chain(1)).to.deep.equal(['c', 'a']);
    log.drop(a);
    log.prune(5, NO_BOUND, NO_BOUND);
    expect(log.bytes).to.equal(bytes / 3);
    expect(chain(1)).to.deep.equal(['c']);
    log.drop(c);
    log.prune(5, NO_BOUND, NO_BOUND);
    expect([log.bytes, log.count]).to.deep.equal([0, 0]);
    expect(log.newest(1)).to.equal(undefined);
  });

  it('lets as many of the oldest go as are too many', () => {
    for (let i = 0; i < 10; i += 1) write(`${i}`, 1, i);
    log.prune(EVER, NO_BOUND, 3);
    expect(all()).to.deep.equal(['7', '8', '9']);
    log.prune(8, NO_BOUND, 3);
    expect(all()).to.deep.equal(['8', '9']);
  });
});
