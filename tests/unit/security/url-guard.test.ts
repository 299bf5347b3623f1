import { expect } from 'chai';
import { isPublicAddress } from '../../../server/security/address-rules.ts';
import { ForbiddenUrlError, UrlGuard, type Address } from '../../../server/security/url-guard.ts';

const guardOf = (addresses: readonly string[] = ['93.184.215.14'], allow: readonly string[] = []): UrlGuard =>
  new UrlGuard({
    allow,
    resolve: () =>
      Promise.resolve(
        addresses.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
  });

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the guard of URLs that clients give', () => {
  for (const url of [
    'https://example.com/hook',
    'https://example.com:8443/hook?a=b#fragment',
    'https://EXAMPLE.com./',
    'https://93.184.215.14/',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
    'https://[64:ff9b::8.8.8.8]/',
    'https://[::ffff:8.8.8.8]/',
    'https://notlocalhost/',
    'https://internal.example.com/',
  ]) {
    it(`takes ${url}`, () => {
      expect(guardOf().check(url)).to.equal(undefined);
    });
  }

  for (const [what, urls] of Object.entries({
    'no URL': ['', 'hook', '//example.com/', 'https://', 'https://[fe80::1%25eth0]/', 'https://1.2.3.4.5/'],
    'no web address': ['ftp://example.com/', 'file:///etc/passwd', 'javascript:1', 'unix:/run/x.sock'],
    'no https': ['http://example.com/', 'http://93.184.215.14/'],
    credentials: ['https://a@example.com/', 'https://a:b@example.com/', 'https://:b@example.com/'],
    'a local name': [
      'https://localhost/',
      'https://LOCALHOST./',
      'https://a.localhost/',
      'https://localhost.localdomain/',
      'https://printer.local/',
      'https://metadata.google.internal/',
      'https://ip6-localhost/',
      'https://ⓛocalhost/',
    ],
    loopback: [
      'https://127.0.0.1/',
      'https://127.0.0.1./',
      'https://127.1/',
      'https://0177.0.0.1/',
      'https://0x7f.0.0.1/',
      'https://0x7f000001/',
      'https://2130706433/',
      'https://017700000001/',
      'https://127.0.0.1:443/',
      'https://１２７.0.0.1/',
      'https://[::1]/',
      'https://[0:0:0:0:0:0:0:1]/',
      'https://[::ffff:127.0.0.1]/',
      'https://[::ffff:7f00:1]/',
      'https://[::127.0.0.1]/',
      'https://[64:ff9b::7f00:1]/',
      'https://[2002:7f00:1::]/',
    ],
    unspecified: ['https://0.0.0.0/', 'https://0/', 'https://[::]/', 'https://0.1.2.3/'],
    private: [
      'https://10.0.0.1/',
      'https://10.255.255.255/',
      'https://172.16.0.1/',
      'https://172.31.255.255/',
      'https://192.168.0.1/',
      'https://0xc0a80001/',
      'https://[fc00::1]/',
      'https://[fd12:3456::1]/',
      'https://[::ffff:10.0.0.1]/',
      'https://[2002:a00:1::]/',
      'https://[64:ff9b::a00:1]/',
      'https://[64:ff9b:1::a00:1]/',
      'https://[2606:2800:21f:cb07:0:5efe:10.0.0.1]/',
      'https://[2606:2800:21f:cb07:200:5efe:a00:1]/',
      'https://[fec0::1]/',
    ],
    'link-local': ['https://169.254.0.1/', 'https://[fe80::1]/', 'https://[febf::1]/'],
    'metadata of a cloud': [
      'https://169.254.169.254/latest/meta-data/',
      'https://2852039166/',
      'https://0xa9fea9fe/',
      'https://[::ffff:a9fe:a9fe]/',
      'https://[fd00:ec2::254]/',
      'https://100.100.100.200/',
      'https://168.63.129.16/',
      'https://192.0.0.192/',
    ],
    'carrier-grade NAT': ['https://100.64.0.1/', 'https://100.127.255.255/'],
    'multicast and reserved': [
      'https://224.0.0.1/',
      'https://239.255.255.255/',
      'https://240.0.0.1/',
      'https://255.255.255.255/',
      'https://[ff02::1]/',
      'https://[2001:db8::1]/',
      'https://[2001::1]/',
      'https://[100::1]/',
      'https://192.0.2.1/',
      'https://198.18.0.1/',
      'https://198.51.100.1/',
      'https://203.0.113.1/',
    ],
  })) {
    for (const url of urls) {
      it(`refuses ${what}: ${url}`, async () => {
        expect(guardOf().check(url)).to.match(/^must/);
        expect(await rejection(guardOf().target(url))).to.be.instanceOf(ForbiddenUrlError);
      });
    }
  }

  it('knows the public neighbours of what is refused', () => {
    const neighbours = ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'];
    neighbours.push('128.0.0.0', '169.253.255.255', '172.15.255.255', '172.32.0.0', '192.167.255.255');
    neighbours.push('223.255.255.255', '2001:200::1', '2a00::1', '2002:808:808::1', '::ffff:1.1.1.1');
    expect(neighbours.filter((address) => !isPublicAddress(address))).to.deep.equal([]);
  });

  it('takes nothing for an address that is none', () => {
    expect(
      ['', 'example.com', '1.2.3', 'fe80::1%eth0', '2606:2800::1%lo'].filter(isPublicAddress),
    ).to.deep.equal([]);
  });

  it('resolves once and drops the fragment', async () => {
    const target = await guardOf(['93.184.215.14', '2606:2800::1']).target(
      'https://Example.com.:8443/a?b=c#d',
    );
    expect(target.url.href).to.equal('https://example.com.:8443/a?b=c');
    expect(target.host).to.equal('example.com');
    expect(target.addresses.map(({ address }) => address)).to.deep.equal(['93.184.215.14', '2606:2800::1']);
  });

  for (const bad of [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    '::ffff:127.0.0.1',
    'fe80::1%eth0',
    'fd00::1',
  ]) {
    it(`refuses a name that also resolves to ${bad}`, async () => {
      const guard = guardOf(['93.184.215.14', bad]);
      expect(await rejection(guard.target('https://example.com/'))).to.be.instanceOf(ForbiddenUrlError);
    });
  }

  it('lets an origin that is allowed be anything, and only that origin', async () => {
    const guard = guardOf(['127.0.0.1'], ['http://127.0.0.1:8080', 'http://dev.test', 'https://hooks.test']);
    expect(guard.check('http://127.0.0.1:8080/hook')).to.equal(undefined);
    expect(guard.check('http://0x7f.1:8080/hook')).to.equal(undefined);
    expect((await guard.target('http://dev.test/a')).addresses[0]?.address).to.equal('127.0.0.1');
    expect((await guard.target('https://hooks.test/a')).addresses[0]?.address).to.equal('127.0.0.1');
    expect(guard.check('http://127.0.0.1:8081/hook')).to.match(/https/);
    expect(guard.check('https://127.0.0.1:8080/hook')).to.match(/private/);
    expect(guard.check('http://user@dev.test/')).to.match(/user name/);
    expect(await rejection(guard.target('https://dev.test/'))).to.be.instanceOf(ForbiddenUrlError);
  });

  it('passes on that a host has no address', async () => {
    const error = await rejection(guardOf([]).target('https://example.com/'));
    expect(error).to.have.property('code', 'ENOTFOUND');
  });

  it('bounds the length', () => {
    expect(guardOf().check(`https://example.com/${'a'.repeat(3_000)}`)).to.match(/2048/);
  });
});
