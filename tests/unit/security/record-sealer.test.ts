import { expect } from 'chai';
import { createSecretKey } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import type { KeySet } from '../../../server/security/encryption-keys.ts';
import { RecordSealer, type OpenFailure, type SealScope } from '../../../server/security/record-sealer.ts';
import { keyOf, keySet, sealerOf, toKeys } from '../../helpers/sealing.ts';

const TEXT = '{"t":"message","text":"grüße 💡 \\u0000"}';
const PLACE = ['record', 'acme', 's1', 'e1'] as const;
const placeIn = (sealer: RecordSealer, place: readonly string[] = PLACE): SealScope => sealer.scope(...place);

function expectFailure(scope: SealScope, stored: string, at: number, failure: OpenFailure, keyId?: string) {
  expect(scope.open(stored, at)).to.deep.equal({ failure, keyId });
}

/** The stored text with other bytes behind its header. */
function rewritten(stored: string, change: (bytes: Buffer) => Buffer): string {
  const cut = stored.lastIndexOf('.') + 1;
  return stored.slice(0, cut) + change(Buffer.from(stored.slice(cut), 'base64url')).toString('base64url');
}

describe('sealing', () => {
  const sealer = sealerOf('k1');
  const scope = placeIn(sealer);

  it('says its form and its key, and nothing of the content', () => {
    const stored = scope.seal(TEXT, 7);
    expect(stored).to.match(/^~1\.s\.k1\.[A-Za-z0-9_-]+$/);
    expect(stored).to.not.contain('message');
    expect(Buffer.from(stored, 'base64url').toString()).to.not.contain('message');
    expect(placeIn(sealer).open(stored, 7)).to.deep.equal({ text: TEXT });
  });

  it('is never the same twice', () => {
    const sealed = new Set(Array.from({ length: 1_000 }, () => scope.seal(TEXT, 7)));
    expect(sealed.size).to.equal(1_000);
    const nonces = new Set([...sealed].map((text) => text.slice('~1.s.k1.'.length, '~1.s.k1.'.length + 16)));
    expect(nonces.size).to.equal(1_000);
  });

  it('opens in its own place alone', () => {
    const stored = scope.seal(TEXT, 7);
    expectFailure(scope, stored, 8, 'not-authentic', 'k1');
    PLACE.forEach((_, i) => {
      const elsewhere = PLACE.map((part, j) => (i === j ? `${part}x` : part));
      expectFailure(placeIn(sealer, elsewhere), stored, 7, 'not-authentic', 'k1');
    });
    // random places almost never collide: move the separator instead
    const moved = ['record', 'acme","s1', 'e1'];
    expectFailure(placeIn(sealer, moved), stored, 7, 'not-authentic', 'k1');
    expectFailure(placeIn(sealer, ['record', 'acm', 'es1', 'e1']), stored, 7, 'not-authentic', 'k1');
  });

  it('opens with no bit of it changed, and with none missing or added', () => {
    const stored = scope.seal(TEXT, 7);
    const { length } = Buffer.from(stored.slice('~1.s.k1.'.length), 'base64url');
    for (let i = 0; i < length; i += 1) {
      const changed = rewritten(stored, (bytes) => {
        bytes.writeUInt8(bytes.readUInt8(i) ^ 1, i);
        return bytes;
      });
      expectFailure(scope, changed, 7, 'not-authentic', 'k1');
    }
    for (let end = 0; end < length; end += 1) {
      const cut = rewritten(stored, (bytes) => bytes.subarray(0, end));
      expectFailure(scope, cut, 7, end < 28 ? 'malformed' : 'not-authentic', 'k1');
    }
    const longer = rewritten(stored, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]));
    expectFailure(scope, longer, 7, 'not-authentic', 'k1');
  });

  it('binds its own header: form and key id', () => {
    const twins = toKeys({ active: 'k1', keys: new Map([...keySet('k1').keys, ...sameAs('k1', 'k9')]) });
    const twin = placeIn(new RecordSealer({ keys: twins }));
    const stored = twin.seal(TEXT, 7);
    expectFailure(twin, stored.replace('.k1.', '.k9.'), 7, 'not-authentic', 'k9');
    expectFailure(twin, stored.replace('~1.s.', '~1.zs.'), 7, 'not-authentic', 'k1');
  });

  it('does not open with another key of the same id, nor without the key', () => {
    const stored = scope.seal(TEXT, 7);
    const other = new RecordSealer({ keys: toKeys({ active: 'k1', keys: sameAs('other', 'k1') }) });
    expectFailure(placeIn(other), stored, 7, 'not-authentic', 'k1');
    expectFailure(placeIn(sealerOf('k2')), stored, 7, 'unknown-key', 'k1');
    expectFailure(placeIn(new RecordSealer()), stored, 7, 'unknown-key', 'k1');
    expect(sealerOf('k2').lacksKeyOf(stored)).to.equal(true);
    expect(sealer.lacksKeyOf(stored)).to.equal(false);
    expect(sealer.lacksKeyOf(TEXT)).to.equal(false);
  });

  for (const stored of [
    '~',
    '~~',
    '~2.s.k1.AAAA',
    '~1.s..AAAA',
    '~1.x.k1.AAAA',
    `~1.s.${'k'.repeat(33)}.AAAA`,
  ])
    it(`takes ${stored} for malformed`, () => {
      expectFailure(scope, stored, 7, 'malformed');
    });

  it('passes plain text through, unless that is not accepted', () => {
    for (const plain of [TEXT, '', '{', 'no json']) {
      expect(scope.open(plain, 7)).to.deep.equal({ text: plain });
      expectFailure(placeIn(sealerOf('k1', { required: true })), plain, 7, 'not-sealed');
    }
    const strict = placeIn(sealerOf('k1', { required: true }));
    expect(strict.open(strict.seal(TEXT, 7), 7)).to.deep.equal({ text: TEXT });
    const packed = placeIn(new RecordSealer({ compressAboveBytes: 1 })).seal('x'.repeat(1_000), 7);
    expectFailure(strict, packed, 7, 'not-sealed');
  });

  it('without keys and compression writes what it is given', () => {
    const passive = new RecordSealer();
    expect(placeIn(passive).seal(TEXT, 7)).to.equal(TEXT);
    expect([passive.changes, passive.encrypts, passive.concerns(TEXT)]).to.deep.equal([false, false, false]);
  });
});

describe('compressing', () => {
  const LONG = JSON.stringify({ text: 'words and words and '.repeat(500) });
  const ABOVE = { compressAboveBytes: 1_024 };

  for (const [what, sealer, form] of [
    ['and sealing', sealerOf('k1', ABOVE), /^~1\.zs\.k1\./],
    ['alone', new RecordSealer(ABOVE), /^~1\.z\./],
  ] as const) {
    it(`${what} makes what is long short, and opens again`, () => {
      const stored = placeIn(sealer).seal(LONG, 1);
      expect(stored).to.match(form);
      expect(stored.length).to.be.lessThan(LONG.length / 10);
      expect(placeIn(sealer).open(stored, 1)).to.deep.equal({ text: LONG });
    });

    it(`${what} leaves alone what is short, or would not become shorter`, () => {
      const atMost = 'a'.repeat(1_024);
      const noise = Array.from({ length: 40 }, (_, i) => keyOf(String(i)).toString('base64')).join('');
      for (const text of [atMost, noise]) {
        const stored = placeIn(sealer).seal(text, 1);
        if (sealer.encrypts && text === atMost) expect(stored).to.match(/^~1\.s\./);
        if (!sealer.encrypts) expect(stored).to.equal(text);
        expect(placeIn(sealer).open(stored, 1)).to.deep.equal({ text });
      }
    });
  }

  it('reads what was compressed with compression switched off', () => {
    const stored = placeIn(new RecordSealer(ABOVE)).seal(LONG, 1);
    expect(placeIn(new RecordSealer()).open(stored, 1)).to.deep.equal({ text: LONG });
    expect(placeIn(sealerOf('k1')).open(stored, 1)).to.deep.equal({ text: LONG });
  });

  it('does not inflate without bound, whoever packed it', () => {
    const bomb = deflateRawSync(Buffer.alloc(2_000_000)).toString('base64url');
    expect(bomb.length).to.be.lessThan(4_000);
    const bounded = placeIn(new RecordSealer({ inflatedMaxBytes: 1_000_000 }));
    expectFailure(bounded, `~1.z.${bomb}`, 1, 'too-large');
    const packs = placeIn(sealerOf('k1', { ...ABOVE, inflatedMaxBytes: 1_000_000 }));
    expectFailure(packs, packs.seal('0'.repeat(1_000_001), 1), 1, 'too-large', 'k1');
    expect(packs.open(packs.seal('0'.repeat(1_000_000), 1), 1)).to.have.property('text');
  });

  it('takes what does not inflate for malformed', () => {
    expectFailure(placeIn(new RecordSealer()), '~1.z.AAAAAAAA', 1, 'malformed');
    expectFailure(placeIn(new RecordSealer()), '~1.z.', 1, 'malformed');
  });
});

describe('encryption keys', () => {
  it('change when they are read anew: new content has the new key, and old content still opens', async () => {
    const files = [keySet('k1', 'k2'), undefined, keySet('k2', 'k1'), keySet('k2')];
    const keys = toKeys(keySet('k1'), () => Promise.resolve(files.shift()));
    const sealer = new RecordSealer({ keys });
    const scope = placeIn(sealer);
    const first = scope.seal(TEXT, 1);
    await sealer.refresh();
    expect(scope.seal(TEXT, 1)).to.match(/^~1\.s\.k1\./);
    await sealer.refresh();
    await sealer.refresh();
    const second = scope.seal(TEXT, 1);
    expect(second).to.match(/^~1\.s\.k2\./);
    for (const stored of [first, second]) expect(scope.open(stored, 1)).to.deep.equal({ text: TEXT });
    await sealer.refresh();
    expect(scope.open(second, 1)).to.deep.equal({ text: TEXT });
    expectFailure(scope, first, 1, 'unknown-key', 'k1');
  });

  it('are read one time after the other, so that nobody is given what was seen before he asked', async () => {
    const seen: string[] = [];
    let file = 'old';
    const keys = toKeys(keySet('k1'), async () => {
      const found = file;
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(found);
      return undefined;
    });
    const first = keys.refresh();
    await Promise.resolve();
    file = 'new';
    await Promise.all([first, keys.refresh()]);
    expect(seen).to.deep.equal(['old', 'new']);
  });
});

/** A key set in which `id` is the key that is made from `seed`. */
function sameAs(seed: string, id: string): KeySet['keys'] {
  return new Map([[id, createSecretKey(keyOf(seed))]]);
}
