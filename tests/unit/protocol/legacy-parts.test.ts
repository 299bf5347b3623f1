import { expect } from 'chai';
import { V01 } from '../../../protocol/dialects/v01.ts';
import { V03 } from '../../../protocol/dialects/v03.ts';
import type { Part } from '../../../protocol/model.ts';
import type { JsonValue } from '../../../protocol/units.ts';
import { aMessage, aTask, at, view } from './fixtures.ts';

const shownIn = {
  v03: (part: Part) =>
    at(V03.encodeTask(view(aTask({ history: [aMessage({ parts: [part] })] }))), 'history', 0, 'parts', 0),
  v01: (part: Part) =>
    at(V01.encodeTask(view(aTask({ history: [aMessage({ parts: [part] })] }))), 'history', 0, 'parts', 0),
};
const readFrom = {
  v03: (part: unknown) =>
    V03.decodeSend({ message: { messageId: 'm', role: 'user', parts: [part] } }).message.parts[0],
  v01: (part: unknown) =>
    V01.decodeSend({ id: 't', message: { role: 'user', parts: [part] } }).message.parts[0],
};

/** What 1.0 says, how 0.3 and 0.1 clients see it. Each comes back as it was. */
const SHOWN: [title: string, part: Part, v03: JsonValue, v01: JsonValue][] = [
  ['text', { text: 'x' }, { kind: 'text', text: 'x' }, { type: 'text', text: 'x' }],
  [
    'text with a name and a media type, parked in metadata',
    { text: 'x', filename: 'f', mediaType: 'text/csv', metadata: { p: 1 } },
    {
      kind: 'text',
      text: 'x',
      metadata: { p: 1, 'holdfast/filename': 'f', 'holdfast/mediaType': 'text/csv' },
    },
    {
      type: 'text',
      text: 'x',
      metadata: { p: 1, 'holdfast/filename': 'f', 'holdfast/mediaType': 'text/csv' },
    },
  ],
  [
    'a file',
    { raw: 'QQ==', filename: 'f', mediaType: 'a/b' },
    { kind: 'file', file: { bytes: 'QQ==', name: 'f', mimeType: 'a/b' } },
    { type: 'file', file: { bytes: 'QQ==', name: 'f', mimeType: 'a/b' } },
  ],
  [
    'the address of a file',
    { url: 'https://x', metadata: { p: 1 } },
    { kind: 'file', file: { uri: 'https://x' }, metadata: { p: 1 } },
    { type: 'file', file: { uri: 'https://x' }, metadata: { p: 1 } },
  ],
  [
    'an object',
    { data: { a: null } },
    { kind: 'data', data: { a: null } },
    { type: 'data', data: { a: null } },
  ],
  [
    'a list, wrapped for 0.3',
    { data: [1, 2] },
    { kind: 'data', data: { value: [1, 2] }, metadata: { data_part_compat: true } },
    { type: 'data', data: [1, 2] },
  ],
  [
    'a scalar, wrapped',
    { data: 0, mediaType: 'application/json' },
    {
      kind: 'data',
      data: { value: 0 },
      metadata: { data_part_compat: true, 'holdfast/mediaType': 'application/json' },
    },
    {
      type: 'data',
      data: { value: 0 },
      metadata: { data_part_compat: true, 'holdfast/mediaType': 'application/json' },
    },
  ],
  [
    'null, wrapped',
    { data: null },
    { kind: 'data', data: { value: null }, metadata: { data_part_compat: true } },
    { type: 'data', data: { value: null }, metadata: { data_part_compat: true } },
  ],
];

describe('parts before 1.0', () => {
  for (const [title, part, v03, v01] of SHOWN) {
    it(`carry ${title}, there and back`, () => {
      expect(shownIn.v03(part)).to.deep.equal(v03);
      expect(shownIn.v01(part)).to.deep.equal(v01);
      expect(readFrom.v03(v03)).to.deep.equal(part);
      expect(readFrom.v01(v01)).to.deep.equal(part);
    });
  }

  it('leave an object alone that only looks wrapped', () => {
    for (const part of [
      { kind: 'data', data: { value: 1 } },
      { kind: 'data', data: { value: 1 }, metadata: { data_part_compat: 'true' } },
      { kind: 'data', data: { value: { a: 1 } }, metadata: { data_part_compat: true } },
      { kind: 'data', data: { value: 1, other: 2 }, metadata: { data_part_compat: true } },
      { kind: 'data', data: { other: 1 }, metadata: { data_part_compat: true } },
      { kind: 'text', text: 'x', metadata: { 'holdfast/filename': 5 } },
    ]) {
      expect(shownIn.v03(readFrom.v03(part)!)).to.deep.equal(part);
    }
  });

  it('show a file that 0.1 only names to 0.3 as data, and take it back', () => {
    const named = { type: 'file', file: { name: 'f', mimeType: 'a/b' }, metadata: { p: 1 } };
    const shown = shownIn.v03(readFrom.v01(named)!);
    expect(shown).to.deep.include({ kind: 'data', data: { value: null } });
    expect(shownIn.v01(readFrom.v03(shown)!)).to.deep.equal(named);
  });

  it('do not touch the metadata they are made from', () => {
    const part: Part = Object.freeze({ data: 1, filename: 'f', metadata: Object.freeze({ p: 1 }) });
    shownIn.v03(part);
    shownIn.v01(part);
    expect(part).to.deep.equal({ data: 1, filename: 'f', metadata: { p: 1 } });
  });
});
