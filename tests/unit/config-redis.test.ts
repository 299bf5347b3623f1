import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../server/config.ts';
import { type Certificates, makeCertificates } from '../helpers/redis-tls.ts';
import { type Env, problemsOf, redisOf } from '../helpers/config.ts';

const SENTINELS = { REDIS_SENTINELS: 'a, [::1]:7000', REDIS_SENTINEL_NAME: 'main' };

describe('the address of a redis with several nodes', () => {
  it('is some nodes of a cluster', () => {
    const env = { REDIS_CLUSTER_NODES: 'a:7000, b ,[::1]:7001', REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p' };
    expect(redisOf(env)).to.deep.equal({
      at: {
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
          { host: '::1', port: 7001 },
        ],
      },
      username: 'u',
      password: 'p',
      db: 0,
      tls: false,
      location: 'redis+cluster://a:7000,b:6379,[::1]:7001',
    });
    expect(parseConfig(env).cacheCoherence).to.equal('shared');
    expect(redisOf({ ...env, REDIS_TLS: '1' }).location).to.match(/^rediss\+cluster:/);
  });

  it('is the sentinels and what they call the master, each with credentials of its own', () => {
    const env = { ...SENTINELS, REDIS_SENTINEL_USERNAME: 's', REDIS_SENTINEL_PASSWORD: 'sp' };
    expect(redisOf({ ...env, REDIS_PASSWORD: 'p', REDIS_DB: '2' })).to.deep.equal({
      at: {
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: '::1', port: 7000 },
        ],
        name: 'main',
        username: 's',
        password: 'sp',
      },
      password: 'p',
      db: 2,
      tls: false,
      location: 'redis+sentinel://a:26379,[::1]:7000/main/2',
    });
  });

  it('is refused beside another address', () => {
    const others: Env = { REDIS_URL: 'redis://a', REDIS_HOST: 'a', REDIS_CLUSTER_NODES: 'a' };
    for (const [name, value] of Object.entries(others)) {
      expect(problemsOf({ ...SENTINELS, [name]: value })).to.deep.equal([
        `${name}: must not be set together with REDIS_SENTINELS: they are two addresses`,
      ]);
    }
  });

  it('is refused when it is none, with the bound and without the value', () => {
    for (const value of [
      'a:0',
      'a:65536',
      '::1',
      'a b',
      'redis://a',
      ',',
      'a,',
      Array(65).fill('a').join(),
    ]) {
      expect(problemsOf({ REDIS_CLUSTER_NODES: value }), value).to.deep.equal([
        'REDIS_CLUSTER_NODES: must be 1 to 64 addresses such as host:6379, separated by commas',
      ]);
    }
  });

  it('is refused when a part of it is missing, or goes with another kind', () => {
    expect(problemsOf({ REDIS_SENTINELS: 'a' })).to.deep.equal([
      'REDIS_SENTINEL_NAME: must be set with REDIS_SENTINELS: what they call the master',
    ]);
    expect(problemsOf({ REDIS_URL: 'redis://a', REDIS_SENTINEL_NAME: 'm' })).to.deep.equal([
      'REDIS_SENTINEL_NAME: does nothing without REDIS_SENTINELS',
    ]);
    expect(problemsOf({ REDIS_CLUSTER_NODES: 'a', REDIS_DB: '1' })).to.deep.equal([
      'REDIS_DB: must be 0 with REDIS_CLUSTER_NODES: a cluster has no other, got 1',
    ]);
  });
});

describe('tls to redis', () => {
  let certificates: Certificates;
  before(async () => {
    certificates = await makeCertificates();
  });
  after(() => certificates.remove());

  it('takes authorities, a certificate and a name', () => {
    const { ca, client } = certificates;
    const env = {
      REDIS_URL: 'rediss://a',
      REDIS_TLS_CA_FILE: ca,
      REDIS_TLS_CERT_FILE: client.cert,
      REDIS_TLS_KEY_FILE: client.key,
      REDIS_TLS_SERVERNAME: 'redis.example',
    };
    expect(redisOf(env).tls).to.deep.equal({
      ca: readFileSync(ca, 'utf8'),
      cert: readFileSync(client.cert, 'utf8'),
      key: readFileSync(client.key, 'utf8'),
      servername: 'redis.example',
    });
  });

  it('is refused with files that are not what they should be, all at once, and nothing of them is told', () => {
    const { client, folder } = certificates;
    const garbage = join(folder, 'garbage.pem');
    writeFileSync(garbage, '-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n');
    const env = {
      REDIS_CLUSTER_NODES: 'a',
      REDIS_TLS: 'true',
      REDIS_TLS_CA_FILE: '/nowhere/ca.pem',
      REDIS_TLS_CERT_FILE: garbage,
      REDIS_TLS_KEY_FILE: client.cert,
    };
    expect(problemsOf(env)).to.deep.equal([
      'REDIS_TLS_CA_FILE: cannot be read: ENOENT',
      'REDIS_TLS_CERT_FILE: must be one or more certificates in PEM',
      'REDIS_TLS_KEY_FILE: must be a private key in PEM, without a passphrase',
    ]);
  });

  it('is refused with half a pair, with two halves of different pairs, and with certificates but no tls', () => {
    const { ca, client, server } = certificates;
    const tls = { REDIS_URL: 'rediss://a' };
    expect(problemsOf({ ...tls, REDIS_TLS_CERT_FILE: client.cert })).to.deep.equal([
      'REDIS_TLS_KEY_FILE: must be set with REDIS_TLS_CERT_FILE',
    ]);
    expect(problemsOf({ ...tls, REDIS_TLS_KEY_FILE: client.key })).to.deep.equal([
      'REDIS_TLS_CERT_FILE: must be set with REDIS_TLS_KEY_FILE',
    ]);
    const mixed = { ...tls, REDIS_TLS_CERT_FILE: client.cert, REDIS_TLS_KEY_FILE: server.key };
    expect(problemsOf(mixed)).to.deep.equal([
      'REDIS_TLS_KEY_FILE: must be the private key of REDIS_TLS_CERT_FILE',
    ]);
    expect(problemsOf({ REDIS_URL: 'redis://a', REDIS_TLS_CA_FILE: ca })).to.deep.equal([
      'REDIS_TLS_CA_FILE: does nothing without TLS: set REDIS_TLS=true or use rediss://',
    ]);
  });
});
