import { expect } from 'chai';
import { InputModes, isMediaRange } from '../../../protocol/media-types.ts';
import type { Part } from '../../../protocol/model.ts';

const ROWS: [takes: boolean, listed: string[], part: Part][] = [
  [true, ['text/plain'], { text: 'x' }],
  [true, ['text/plain'], { text: 'x', mediaType: '' }],
  [true, ['text/plain'], { text: 'x', mediaType: 'Text/Plain; charset=utf-8' }],
  [false, ['text/plain'], { text: 'x', mediaType: 'text/html' }],
  [true, ['text/*'], { text: 'x', mediaType: 'text/html' }],
  [false, ['image/png'], { text: 'x' }],
  [true, ['application/json'], { data: null }],
  [false, ['text/plain'], { data: {} }],
  [true, ['application/*'], { data: 1 }],
  [true, ['text/plain', '*/*'], { raw: '', mediaType: 'x/y' }],
  [true, ['IMAGE/*'], { raw: '', mediaType: 'image/png' }],
  [false, ['image/*'], { raw: '', mediaType: 'imagery/png' }],
  [false, ['image/*'], { raw: '', mediaType: 'image' }],
  [false, ['image/png'], { url: 'https://x/', mediaType: 'image/jpeg' }],
  // a file of which nobody said what it is
  [true, ['image/png'], { raw: '' }],
  [true, ['application/octet-stream'], { url: 'https://x/' }],
  [true, ['*/*'], { raw: '' }],
  [false, ['text/plain'], { raw: '' }],
  [false, ['text/plain', 'application/json'], { url: 'https://x/' }],
];

describe('InputModes', () => {
  for (const [takes, listed, part] of ROWS) {
    it(`${takes ? 'takes' : 'does not take'} ${JSON.stringify(part)} where the card says ${listed.join()}`, () => {
      expect(new InputModes(listed).takes(part)).to.equal(takes);
    });
  }

  it('lists each once', () => {
    expect(new InputModes(['text/plain', 'Text/Plain', 'image/*']).listed).to.deep.equal([
      'text/plain',
      'image/*',
    ]);
  });
});

describe('isMediaRange', () => {
  it('knows types and ranges from anything else', () => {
    for (const good of ['text/plain', 'image/*', '*/*', 'application/vnd.api+json'])
      expect(isMediaRange(good), good).to.equal(true);
    for (const bad of ['text', '*', '*/png', 'text/plain; charset=utf-8', 'a/b/c', ' text/plain', ''])
      expect(isMediaRange(bad), bad).to.equal(false);
  });
});
