import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { sendOnce } from '../../helpers/load.ts';
import { isReady, readyz } from '../../helpers/outage.ts';
import { freePorts, type RedisServer, startRedis } from '../../helpers/redis.ts';
import { type Certificates, makeCertificates, tlsArgs } from '../../helpers/redis-tls.ts';
import { useServices } from './service.ts';

const RIGHTS = ['~a2a:1:*', '&a2a:1:*', '+@all', '-@dangerous', '+info', '-@admin'];

describe('redis over tls', function () {
  this.timeout(30_000);
  const serve = useServices();
  let certificates: Certificates;
  let redis: RedisServer;
  let env: Record<string, string>;
  before(async () => {
    certificates = await makeCertificates();
    const [port = 0] = await freePorts(1);
    redis = await startRedis({ args: tlsArgs(certificates, port, 'yes') });
    await redis.client().acl('SETUSER', 'holdfast', 'on', '>secret-of-redis', ...RIGHTS);
    const { ca, client } = certificates;
    env = {
      REDIS_URL: `rediss://holdfast:secret-of-redis@127.0.0.1:${port}`,
      REDIS_TLS_CA_FILE: ca,
      REDIS_TLS_CERT_FILE: client.cert,
      REDIS_TLS_KEY_FILE: client.key,
    };
  });
  after(async () => {
    await redis.stop();
    await certificates.remove();
  });

  it('serves with the right authority, a certificate of its own and a user', async () => {
    const { url } = await serve(env);
    expect((await sendOnce(url, 'v1', 'hello', 'over tls')).persistence).to.equal('stored');
    expect(await redis.client().exists('a2a:1:{default.00}:s:over%20tls')).to.equal(1);
  });

  const WRONG: Record<string, [() => Record<string, string>, RegExp]> = {
    'an authority that has not signed the certificate of redis': [
      () => ({ ...env, REDIS_TLS_CA_FILE: certificates.strangerCa }),
      /unable to verify|self.signed|unable to get/i,
    ],
    'no authority but those that Node.js trusts': [
      () => ({ ...env, REDIS_TLS_CA_FILE: '' }),
      /unable to verify|self.signed|unable to get/i,
    ],
    'a certificate of redis for another name': [
      () => ({ ...env, REDIS_TLS_SERVERNAME: 'redis.example' }),
      /does not match certificate/i,
    ],
    'no certificate of its own where redis wants one': [
      () => ({ ...env, REDIS_TLS_CERT_FILE: '', REDIS_TLS_KEY_FILE: '' }),
      /certificate required|closed|ECONNRESET/i,
    ],
  };
  for (const [what, [changed, why]] of Object.entries(WRONG)) {
    it(`does not connect with ${what}, and says why`, async () => {
      const { url, logs } = await serve(changed());
      expect((await sendOnce(url, 'v1', 'hello', 'in memory')).persistence).to.equal('deferred');
      const said = String((await logs.next('store_unavailable'))['why']);
      expect(why.test(said), said).to.equal(true);
      expect((await readyz(url)).httpStatus).to.equal(503);
      expect(JSON.stringify(logs.lines)).not.to.include('secret-of-redis');
      expect(await redis.client().exists('a2a:1:{default.00}:s:in%20memory')).to.equal(0);
    });
  }

  it('says in the log and in readyz that this redis forgets', async () => {
    const { url, logs } = await serve(env);
    await eventually(() => isReady(url));
    const [line] = [await logs.next('store_not_durable')];
    expect(line['why']).to.match(/appendonly/);
    const body = (await (await fetch(new URL('/readyz', url))).json()) as {
      status: string;
      warnings: { text: string; runbook: string }[];
    };
    expect(body.status).to.equal('ready');
    expect(body.warnings.map(({ text }) => text)).to.deep.equal([line['why']]);
  });
});
