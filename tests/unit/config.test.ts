import { expect } from 'chai';
import { ConfigError, parseConfig } from '../../server/config.ts';
import { VARIABLES } from '../../server/config-variables.ts';
import { type Env, problemsOf, redisOf } from '../helpers/config.ts';

describe('parseConfig', () => {
  it('starts from an empty environment with the embedded store and the documented defaults', () => {
    const config = parseConfig({});
    expect(config).to.include({
      port: 41_241,
      host: '127.0.0.1',
      sessionTtlMs: 86_400_000,
      sessionTtlRefresh: 'write',
    });
    expect(config.store).to.deep.equal({ kind: 'lmdb', dataDir: './data', sync: false });
    expect(config).to.include({
      cacheMaxSessions: 10_000,
      cacheMaxBytes: 268_435_456,
      cacheCoherence: 'exclusive',
    });
    expect(config).to.include({
      bodyMaxBytes: 4_194_304,
      recordMaxBytes: 4_194_304,
      sessionMaxBytes: 16_777_216,
    });
    expect(config).to.include({
      sessionMaxRecords: 100_000,
      pendingMaxRecords: 100_000,
      pendingMaxBytes: 67_108_864,
    });
    expect(config).to.include({ blockingTimeoutMs: 60_000, taskTimeoutMs: 3_600_000, cancelGraceMs: 5000 });
    expect(config).to.include({ drainMs: 10_000, deadMs: 10_000, idempotency: 'unanswered', card: 'merged' });
    expect(config).to.not.have.any.keys('agent', 'publicUrl');
  });

  it('writes down for every variable the default that it really has', () => {
    const written = Object.fromEntries(Object.entries(VARIABLES).map(([name, row]) => [name, row.default]));
    expect(parseConfig(written)).to.deep.equal(parseConfig({}));
    for (const [name, row] of Object.entries(VARIABLES)) {
      expect(row.effect, name).to.match(/\.$/);
      expect(row.bounds, name).to.not.equal('');
    }
  });

  it('treats an empty variable as one that is not set', () => {
    expect(parseConfig({ PORT: '', A2A_STORE: '', A2A_FUTURE: '', REDIS_URL: '' })).to.deep.equal(
      parseConfig({}),
    );
  });

  it('reports every problem at once, by name, in one message', () => {
    const env = { PORT: 'abc', A2A_SESSION_TTL_SECONDS: '0', A2A_STORE: 'mongo', REDIS_URL: 'localhost' };
    expect(() => parseConfig(env)).to.throw(
      ConfigError,
      'Configuration is not usable:\n' +
        '  - PORT: must be a whole number, got abc\n' +
        '  - A2A_STORE: must be one of auto, redis, lmdb, memory, got mongo\n' +
        '  - A2A_SESSION_TTL_SECONDS: must be at least 1, got 0\n' +
        '  - REDIS_URL: must look like redis://host:6379/0',
    );
  });

  for (const [value, problem] of [
    ['0', 'must be at least 1'],
    ['-1', 'must be at least 1'],
    ['abc', 'must be a whole number'],
    ['1.5', 'must be a whole number'],
    ['1e12', 'must be a whole number'],
    ['1000000000000', 'must be at most 31536000'],
    ['31536001', 'must be at most 31536000'],
  ]) {
    it(`refuses a session TTL of ${value} by name`, () => {
      expect(problemsOf({ A2A_SESSION_TTL_SECONDS: value })).to.deep.equal([
        `A2A_SESSION_TTL_SECONDS: ${problem}, got ${value}`,
      ]);
    });
  }

  it('takes the largest and the smallest session TTL', () => {
    expect(parseConfig({ A2A_SESSION_TTL_SECONDS: '31536000' }).sessionTtlMs).to.equal(31_536_000_000);
    expect(parseConfig({ A2A_SESSION_TTL_SECONDS: '1' }).sessionTtlMs).to.equal(1000);
  });

  it('refuses a variable with our prefix that does nothing, and says what was meant', () => {
    expect(problemsOf({ A2A_STROE: 'redis', A2A_ENCRYPTION: '4' })).to.deep.equal([
      'A2A_ENCRYPTION: does nothing in this version',
      'A2A_STROE: does nothing in this version; did you mean A2A_STORE?',
    ]);
    expect(problemsOf({ HOME: 'x', NODE_ENV: 'y', REDIS_MASTER: 'z' })).to.deep.equal([]);
  });

  it('takes several workers with Redis alone, and not as its only user', () => {
    expect(parseConfig({ A2A_WORKERS: '4', REDIS_URL: 'redis://h' }).workers).to.equal(4);
    expect(parseConfig({}).workers).to.equal(1);
    for (const [env, store] of [
      [{}, 'lmdb'],
      [{ A2A_STORE: 'memory' }, 'memory'],
      [{ REDIS_URL: 'redis://h', REDIS_ENABLED: 'false' }, 'lmdb'],
    ] as const) {
      expect(problemsOf({ A2A_WORKERS: '2', ...env })).to.deep.equal([
        `A2A_WORKERS: must be 1 with the ${store} store, which one process has to itself: set REDIS_URL or REDIS_HOST or REDIS_CLUSTER_NODES or REDIS_SENTINELS, got 2`,
      ]);
    }
    const exclusive = { REDIS_URL: 'redis://h', A2A_CACHE_COHERENCE: 'exclusive' };
    expect(problemsOf({ A2A_WORKERS: '2', ...exclusive })).to.deep.equal([
      'A2A_WORKERS: must be 1 while A2A_CACHE_COHERENCE is exclusive, because workers share the Redis, got 2',
    ]);
    expect(problemsOf({ A2A_WORKERS: '1', ...exclusive })).to.deep.equal([]);
    expect(problemsOf({ A2A_WORKERS: '65', REDIS_URL: 'redis://h' })).to.have.length(1);
  });

  it('refuses values that would break keys, cards and headers', () => {
    expect(problemsOf({ A2A_KEY_PREFIX: '{a}' })).to.have.length(1);
    expect(problemsOf({ HOST: 'a b' })).to.have.length(1);
    expect(problemsOf({ A2A_PUBLIC_URL: 'ftp://a' })).to.have.length(1);
    expect(problemsOf({ A2A_CORS_ORIGINS: 'https://a.example/path' })).to.have.length(1);
    for (const A2A_PUSH_ALLOW of ['*', 'localhost:80', 'http://a/b', 'ftp://a'])
      expect(problemsOf({ A2A_PUSH_ALLOW })).to.have.length(1);
    expect(problemsOf({ A2A_PUSH_ALLOW: 'http://localhost:80 80' })).to.have.length(1);
    expect(problemsOf({ A2A_DATA_DIR: 'a\0b' })).to.have.length(1);
    expect(problemsOf({ A2A_MAX_RECORD_BYTES: '4096', A2A_MAX_SESSION_BYTES: '2048' })).to.deep.equal([
      'A2A_MAX_RECORD_BYTES: must be at most A2A_MAX_SESSION_BYTES, which is 2048, got 4096',
    ]);
  });

  it('reads lists, flags and names', () => {
    const config = parseConfig({
      A2A_CORS_ORIGINS: ' https://a.example , http://localhost:3000,',
      A2A_LENIENT_VERSION: 'TRUE',
      A2A_LMDB_SYNC: '1',
      HOST: '::1',
      A2A_AGENT: './agent.mjs',
    });
    expect(config.corsOrigins).to.deep.equal(['https://a.example', 'http://localhost:3000']);
    expect(config).to.include({ lenientVersion: true, host: '::1', agent: './agent.mjs' });
    expect(config.store).to.include({ sync: true });
  });

  it('takes an outage journal for Redis only', () => {
    const REDIS_URL = 'redis://127.0.0.1:6379/0';
    expect(parseConfig({ REDIS_URL, A2A_OUTAGE_JOURNAL_DIR: '/var/outage' }).outageJournal).to.deep.equal({
      folder: '/var/outage',
      sync: false,
    });
    expect(problemsOf({ A2A_OUTAGE_JOURNAL_DIR: '/var/outage' })).to.deep.equal([
      'A2A_OUTAGE_JOURNAL_DIR: is for Redis only: the lmdb store is never away',
    ]);
  });

  it('is frozen through and through', () => {
    const config = parseConfig({ REDIS_URL: 'redis://a' });
    for (const part of [config, config.store, redisOf({ REDIS_URL: 'redis://a' }).at, config.corsOrigins]) {
      expect(Object.isFrozen(part)).to.equal(true);
    }
  });

  describe('choosing the store', () => {
    it('is Redis when an address is set, unless it is disabled or another store is named', () => {
      expect(parseConfig({ REDIS_HOST: 'cache' }).store.kind).to.equal('redis');
      expect(parseConfig({ REDIS_HOST: 'cache' }).cacheCoherence).to.equal('shared');
      expect(parseConfig({ REDIS_HOST: 'cache', REDIS_ENABLED: 'false' }).store.kind).to.equal('lmdb');
      expect(parseConfig({ REDIS_HOST: 'cache', A2A_STORE: 'lmdb' }).store.kind).to.equal('lmdb');
      expect(parseConfig({ REDIS_HOST: 'cache', A2A_STORE: 'memory' }).store.kind).to.equal('memory');
      expect(
        parseConfig({ REDIS_HOST: 'cache', REDIS_ENABLED: '0', A2A_STORE: 'redis' }).store.kind,
      ).to.equal('redis');
    });

    it('does not take a port that a container platform set for an address', () => {
      expect(parseConfig({ REDIS_PORT: 'tcp://10.0.0.1:6379' }).store.kind).to.equal('lmdb');
      expect(problemsOf({ REDIS_HOST: 'cache', REDIS_PORT: 'tcp://10.0.0.1:6379' })).to.deep.equal([
        'REDIS_PORT: must be a whole number from 1 to 65535, got tcp://10.0.0.1:6379',
      ]);
    });

    it('refuses redis without an address, and two addresses', () => {
      expect(problemsOf({ A2A_STORE: 'redis' })).to.deep.equal([
        'A2A_STORE: must not be redis without an address: set REDIS_URL or REDIS_HOST or REDIS_CLUSTER_NODES or REDIS_SENTINELS',
      ]);
      expect(problemsOf({ REDIS_URL: 'redis://a', REDIS_HOST: 'b' })).to.deep.equal([
        'REDIS_URL: must not be set together with REDIS_HOST: they are two addresses',
      ]);
    });
  });

  describe('the Redis address', () => {
    it('is read from a URL, credentials decoded', () => {
      const address = redisOf({ REDIS_URL: 'rediss://app:p%40ss%2F@[::1]:7000/3' });
      expect(address).to.deep.equal({
        at: { host: '::1', port: 7000 },
        username: 'app',
        password: 'p@ss/',
        db: 3,
        tls: {},
        location: 'rediss://[::1]:7000/3',
      });
      expect(redisOf({ REDIS_URL: 'redis://cache' })).to.deep.equal({
        at: { host: 'cache', port: 6379 },
        db: 0,
        tls: false,
        location: 'redis://cache:6379/0',
      });
    });

    it('may be a Unix socket, in a URL or as a path', () => {
      const expected = {
        at: { path: '/run/redis 1.sock' },
        db: 2,
        tls: false,
        location: 'unix:///run/redis 1.sock?db=2',
      };
      expect(redisOf({ REDIS_URL: 'unix:///run/redis%201.sock?db=2' })).to.deep.equal(expected);
      expect(redisOf({ REDIS_HOST: '/run/redis 1.sock', REDIS_DB: '2' })).to.deep.equal(expected);
    });

    it('takes what the URL leaves open from the other variables', () => {
      const env = {
        REDIS_URL: 'redis://cache',
        REDIS_PASSWORD: 'p',
        REDIS_USERNAME: 'u',
        REDIS_DB: '4',
        REDIS_TLS: 'true',
      };
      expect(redisOf(env)).to.deep.include({ username: 'u', password: 'p', db: 4, tls: {} });
      expect(redisOf({ REDIS_HOST: 'cache', REDIS_PORT: '7' }).at).to.deep.equal({ host: 'cache', port: 7 });
    });

    it('is refused when it contradicts itself or is none', () => {
      for (const url of [
        'localhost:6379',
        'http://a',
        'redis://',
        'redis:///0',
        'unix://',
        'redis://a/b/c',
        'redis://a/%',
        'redis://a#x',
      ]) {
        expect(problemsOf({ REDIS_URL: url }), url).to.have.length(1);
      }
      expect(problemsOf({ REDIS_URL: 'redis://a?tls=1' })[0]).to.contain('"tls"');
      expect(problemsOf({ REDIS_URL: 'redis://a/x' })).to.have.length(1);
      expect(problemsOf({ REDIS_HOST: 'a', REDIS_DB: '-1' })[0]).to.match(/^REDIS_DB: /);
      expect(problemsOf({ REDIS_HOST: 'a b' })[0]).to.match(/^REDIS_HOST: /);
      expect(problemsOf({ REDIS_URL: 'rediss://a', REDIS_TLS: 'false' })[0]).to.match(/^REDIS_TLS: /);
      expect(problemsOf({ REDIS_URL: 'unix:///a', REDIS_TLS: 'true' })[0]).to.match(/^REDIS_TLS: /);
    });
  });

  it('never repeats a secret in a problem', () => {
    const secret = 'hunter2';
    const envs: Env[] = [
      { REDIS_URL: `redis://:${secret}@h:99999` },
      { REDIS_URL: `rediss://u:${secret}@h/x` },
      { REDIS_URL: `redis://h?db=${secret}` },
      { REDIS_HOST: 'h', REDIS_PASSWORD: `${secret}\n` },
      { REDIS_CLUSTER_NODES: `u:${secret}@h:7000` },
      { REDIS_SENTINELS: 'h', REDIS_SENTINEL_NAME: 'n', REDIS_SENTINEL_PASSWORD: `${secret}\n` },
      { A2A_PUBLIC_URL: `http://u:${secret}@h` },
      { A2A_PUBLIC_URL: `http://u:a/${secret}@h` },
    ];
    for (const env of envs) {
      const problems = problemsOf(env);
      expect(problems, JSON.stringify(env)).to.have.length(1);
      expect(problems.join()).to.not.contain(secret);
    }
    expect(redisOf({ REDIS_URL: `redis://u:${secret}@h` }).location).to.equal('redis://h:6379/0');
  });
});
