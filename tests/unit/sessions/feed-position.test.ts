import { expect } from 'chai';
import fc from 'fast-check';
import { formatPosition, parsePosition, type FeedPosition } from '../../../server/sessions/feed-position.ts';

const name = fc.stringMatching(/^[\w-]{1,24}$/);
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('a cursor', () => {
  it('is written as epoch and number, and names what was acknowledged from memory', () => {
    expect(formatPosition({ epoch: 'e-1', n: 17 })).to.equal('e-1.17');
    const deferred = { instance: 'i_1', seq: 3 };
    expect(formatPosition({ epoch: 'e-1', n: 17, deferred })).to.equal('e-1.17~i_1.3');
    expect(formatPosition({ epoch: '', n: 0, deferred })).to.equal('.0~i_1.3');
  });

  it('names no instance where that would not say all that was seen', () => {
    const deferred = { instance: 'i_1', seq: 3 };
    const text = formatPosition({ epoch: 'e-1', n: 17, deferred, isVague: true });
    expect(text).to.equal('e-1.17~-.3');
    expect(parsePosition(text)?.deferred?.instance).to.equal('-');
  });

  it('comes back as the position that it was', () => {
    const deferred = fc.record({ instance: name, seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) });
    fc.assert(
      fc.property(name, count, fc.option(deferred, { nil: undefined }), (epoch, n, seen) => {
        const position: FeedPosition = seen === undefined ? { epoch, n } : { epoch, n, deferred: seen };
        expect(parsePosition(formatPosition(position))).to.deep.equal(position);
      }),
    );
  });

  it('is none when it has another form', () => {
    const none = [
      '',
      '.',
      '.0',
      'e',
      'e.',
      'e.-1',
      'e.01',
      'e.1.2',
      'e.1~',
      'e.1~i',
      'e.1~i.0',
      'e.1~.1',
      ' e.1',
    ]
      .concat('e.1 ', 'e.1\n', 'é.1', 'e.9007199254740993', 'e.1~i.9007199254740993', '.1~i.1', 'e.1~i.1~i.1')
      .concat(`${'e'.repeat(255)}.1`, 'e.1e3', 'e.0x1');
    expect(none.filter((text) => parsePosition(text) !== undefined)).to.deep.equal([]);
  });

  it('never makes anybody throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parsePosition(text);
      }),
    );
  });
});
