/** Who did what, told once, with nothing of what was said. */
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_EVENTS } from '../../server/observability/audit.ts';
import { ErasureFailedError } from '../../server/sessions/eraser.ts';
import { runKeys } from '../../server/cli/keys-command.ts';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { useFolder } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { planted } from '../helpers/overheard.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';
import { TEST_ENV } from '../helpers/server.ts';
import { FakeBackend } from '../helpers/fake-backend.ts';

const KEYS = keysFile(
  { key: 'admin-secret', tenant: 'acme', subject: 'root', roles: ['admin'] },
  { key: 'peer-secret', tenant: 'acme', subject: 'ann' },
  { key: 'operator-secret', tenant: 'acme', subject: 'ops', roles: ['operator'] },
);

describe('the audit stream', () => {
  const folder = useFolder();
  let server: HoldfastServer | undefined;
  let now: number;
  const file = (): string => join(folder.path, 'audit.log');
  const keys = (): string => join(folder.path, 'keys.json');

  async function serve(
    env: Record<string, string>,
    fake?: FakeBackend,
  ): Promise<{ url: string; logs: LogLines }> {
    writeFileSync(keys(), JSON.stringify(KEYS));
    const logs = new LogLines();
    now = Date.now();
    server = await createServer(parseConfig({ ...TEST_ENV, A2A_API_KEYS_FILE: keys(), ...env }), {
      logDestination: logs,
      now: () => now,
      ...(fake && { buildBackend: () => fake }),
    });
    return { url: (await server.listen()).url, logs };
  }
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  const erase = (url: string, body: object, headers: Record<string, string>): Promise<Response> =>
    fetch(new URL('/admin/erasures', url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it('has every event once, with who and from where, and no secret and no content', async () => {
    const { url, logs } = await serve({ A2A_AUDIT_FILE: file() });
    const as = (key: string): Record<string, string> => ({ ...V1, ...withKey(key) });
    await call(url, 'SendMessage', sendV1('m1', planted('content'), 'c1'), as('peer-secret'));
    await call(url, 'SendMessage', sendV1('m2', planted('content')), as('operator-secret'));
    await call(url, 'GetTask', { id: 'x', tenant: 'other' }, as('peer-secret'));
    await call(url, 'GetTask', { id: 'x' }, V1);
    await fetch(new URL('/metrics', url), { headers: withKey('peer-secret') });
    await erase(url, { tenant: 'acme' }, withKey('peer-secret'));
    await erase(url, { tenant: 'other' }, withKey('admin-secret'));
    await erase(url, { tenant: 'acme', contextId: 'c1' }, withKey('admin-secret'));
    for (let n = 0; n < 30; n += 1) await call(url, 'GetTask', { id: 'x' }, as(planted('wrong-key')));
    const terminal = {
      env: { A2A_API_KEYS_FILE: keys(), A2A_AUDIT_FILE: file() },
      now: () => now,
      out: () => undefined,
      err: () => undefined,
    };
    expect(await runKeys(['add', '--tenant', 'acme', '--subject', 'new'], terminal)).to.equal(0);
    const { id } = (JSON.parse(readFileSync(keys(), 'utf8')) as { keys: { id: string }[] }).keys.at(-1)!;
    now += 2_000;
    await call(url, 'GetTask', { id: 'x' }, as('peer-secret'));
    expect(await runKeys(['revoke', id], terminal)).to.equal(0);
    now += 2_000;
    await call(url, 'GetTask', { id: 'x' }, as('peer-secret'));
    await server?.close();
    const text = readFileSync(file(), 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ann = { tenant: 'acme', subject: 'ann' };
    const [root, from] = [{ tenant: 'acme', subject: 'root' }, '127.0.0.1'];
    const bare = lines.map(({ stream, at, done, ...rest }) => {
      expect([stream, typeof at]).to.deep.equal(['audit', 'string']);
      return done === undefined ? rest : { ...rest, sessions: (done as { sessions: number }).sessions };
    });
    const denied = { event: 'access_denied', from, count: 1 };
    expect(bare).to.have.deep.members([
      { ...denied, who: { tenant: 'acme', subject: 'ops' }, operation: 'sendMessage', why: 'role' },
      { ...denied, who: ann, operation: 'getTask', why: 'tenant' },
      { event: 'authentication_failed', from, why: 'missing', count: 1 },
      { event: 'authentication_failed', from, why: 'wrong', count: 1 },
      ...bare.filter(({ event, count }) => event === 'authentication_failed' && Number(count) > 1),
      { event: 'authentication_failed', from, why: 'turned-away', count: 1 },
      { ...denied, who: ann, operation: 'readMetrics', why: 'role' },
      { ...denied, who: ann, operation: 'erase', why: 'role' },
      { ...denied, who: root, operation: 'erase', why: 'tenant' },
      { event: 'sessions_erased', who: root, from, target: { tenant: 'acme', sessionId: 'c1' }, sessions: 1 },
      { event: 'key_added', by: 'command', key: id, tenant: 'acme', subject: 'new', roles: ['peer'] },
      { event: 'keys_changed', added: [id], removed: [] },
      { event: 'key_revoked', by: 'command', key: id },
      { event: 'keys_changed', added: [], removed: [id] },
    ]);
    const failures = lines.filter(({ event, why }) => event === 'authentication_failed' && why !== 'missing');
    expect(failures.reduce((sum, { count }) => sum + Number(count), 0)).to.equal(30);
    expect(text).to.not.match(/pl4nted|secret|hf_|sha256/);
    expect(logs.lines.filter((line) => 'stream' in line)).to.deep.equal([]);
    const told = new Set(lines.map(({ event }) => event));
    expect(Object.keys(AUDIT_EVENTS).filter((event) => !told.has(event))).to.deep.equal([
      'erasure_incomplete',
    ]);
  });

  it('goes to stdout without a file, and says when an erasure was not whole', async () => {
    const fake = new FakeBackend();
    fake.onErase = async () => {
      fake.onErase = () => Promise.reject(new Error('asked once'));
      throw new ErasureFailedError(
        { ...(await new FakeBackend().onErase()), sessions: 7 },
        new Error('away'),
      );
    };
    const { url, logs } = await serve({}, fake);
    const response = await erase(url, { tenant: 'acme' }, withKey('admin-secret'));
    expect([response.status, response.headers.get('retry-after')]).to.deep.equal([503, '2']);
    expect(await response.json()).to.have.nested.property('done.sessions', 7);
    const lines = logs.lines.filter((line) => 'stream' in line);
    expect(lines.map(({ event }) => event)).to.deep.equal(['erasure_incomplete']);
  });

  it('begins with a route that refuses what it does not understand', async () => {
    const fake = new FakeBackend();
    const { url } = await serve({}, fake);
    const asked = async (body: object, headers = withKey('admin-secret')): Promise<[number, string]> => {
      const response = await erase(url, body, headers);
      return [response.status, ((await response.json()) as { error: string }).error];
    };
    expect(await asked({ subject: 'ann' })).to.deep.equal([
      400,
      'tenant must be 1 to 256 bytes of text without control characters',
    ]);
    expect((await asked({ tenant: 'acme', contextId: 'a\u0000' }))[1]).to.match(/^contextId must/);
    expect((await asked({ tenant: 'acme', session: 's' }))[0]).to.equal(400);
    expect((await asked({ tenant: 'acme' }, { 'X-API-Key': 'wrong' }))[0]).to.equal(401);
    expect((await fetch(new URL('/admin/erasures', url))).status).to.equal(405);
    const text = await fetch(new URL('/admin/erasures', url), {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', ...withKey('admin-secret') },
      body: '{"tenant":"acme"}',
    });
    expect(text.status).to.equal(415);
    expect(fake.erased).to.deep.equal([]);
  });
});
