import { expect } from 'chai';
import { isExtensionUri, OfferedExtensions } from '../../../protocol/extensions.ts';
import { OPERATION_NAMES } from '../../../protocol/operations.ts';

const GEO = 'https://example.test/geo/v1';
const LOG = 'urn:example:log';

describe('OfferedExtensions', () => {
  it('activates what is asked for and offered, and ignores the rest', () => {
    const offered = new OfferedExtensions([{ uri: GEO }, { uri: LOG }]);
    const asked = ['urn:unknown', LOG, GEO];
    expect(offered.resolve(asked, 'sendMessage')).to.deep.equal({ activated: [LOG, GEO] });
    expect(offered.resolve([], 'sendMessage')).to.deep.equal({ activated: [] });
    expect(new OfferedExtensions().resolve(asked, 'sendMessage')).to.deep.equal({ activated: [] });
  });

  it('takes another version of an extension for another extension', () => {
    const offered = new OfferedExtensions([{ uri: GEO, required: true }]);
    for (const other of [`${GEO}.1`, 'https://example.test/geo/v2', GEO.toUpperCase(), `${GEO}/`]) {
      const { activated, error } = offered.resolve([other], 'sendMessage');
      expect(activated, other).to.deep.equal([]);
      expect(error?.reason, other).to.equal('EXTENSION_SUPPORT_REQUIRED');
    }
  });

  it('names every required extension that is missing', () => {
    const offered = new OfferedExtensions([
      { uri: GEO, required: true },
      { uri: LOG, required: true },
      { uri: 'urn:example:optional' },
    ]);
    const { error } = offered.resolve([], 'sendMessage');
    expect(error?.message).to.contain(GEO).and.contain(LOG).and.not.contain('optional');
    expect(error?.metadata).to.deep.equal({ extensions: `${GEO}, ${LOG}` });
    expect((['v1', 'v03', 'v01'] as const).map((dialect) => error?.rpcCode(dialect))).to.deep.equal([
      -32008, -32008, -32004,
    ]);
    expect(offered.resolve([GEO], 'sendMessage').error?.metadata).to.deep.equal({ extensions: LOG });
    expect(offered.resolve([GEO, LOG], 'sendMessage').error).to.equal(undefined);
  });

  it('asks for it with every message, and for nothing else', () => {
    const offered = new OfferedExtensions([{ uri: GEO, required: true }]);
    const asking = OPERATION_NAMES.filter((operation) => offered.resolve([], operation).error !== undefined);
    expect(asking).to.deep.equal(['sendMessage', 'sendStreamingMessage']);
  });
});

describe('isExtensionUri', () => {
  it('lets through what a list in a header can carry', () => {
    for (const good of [GEO, LOG, 'https://x/?a=1#b']) expect(isExtensionUri(good), good).to.equal(true);
    for (const bad of [
      'geo',
      '/geo',
      'https://x/a,b',
      'https://x/a b',
      'https://x/ü',
      'https://x/\n',
      'urn:',
    ])
      expect(isExtensionUri(bad), bad).to.equal(false);
  });
});
