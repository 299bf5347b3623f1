/** Who may come to `POST /admin/erasures`, with what, and what is told of it. */
import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { ERASURES_PATH } from '../../server/http/erasure-route.ts';
import { JSON_TYPE, type RawAnswer, raw, useDoor } from '../helpers/door.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { planted } from '../helpers/overheard.ts';

const OWN = JSON.stringify({ tenant: 'acme' });

const errorOf = ({ body }: RawAnswer): string => (JSON.parse(body) as { error: string }).error;

describe('the door to erasure', () => {
  const files = useFiles();
  const keys = keysFile(
    { key: 'root-4Zb1uT9', tenant: 'acme', subject: 'root', roles: ['admin'] },
    { key: 'ann-x8Qm2Lw', tenant: 'acme', subject: 'ann' },
    { key: 'ops-7Hn5Rk3', tenant: 'acme', subject: 'ops', roles: ['operator'] },
  );
  const used = useDoor({ A2A_API_KEYS_FILE: files.write('keys.json', keys) });
  const ADMIN = withKey('root-4Zb1uT9');
  const ask = (headers: Record<string, string>, body = OWN, options = {}): Promise<RawAnswer> =>
    raw(used.door.origin, { path: ERASURES_PATH, ...options, headers: { ...JSON_TYPE, ...headers } }, body);
  const audited = (): Record<string, unknown>[] => used.door.logs.lines.filter((line) => 'stream' in line);

  it('opens to an admin alone, and never before the body is read', async () => {
    const callers: [number, string, Record<string, string>][] = [
      [401, 'A2A', {}],
      [401, 'error="invalid_token"', withKey(planted('wrong-key'))],
      [403, 'error="insufficient_scope"', withKey('ann-x8Qm2Lw')],
      [403, 'error="insufficient_scope"', withKey('ops-7Hn5Rk3')],
    ];
    for (const [status, challenge, headers] of callers)
      for (const body of [OWN, 'not JSON', 'x'.repeat(10_000)]) {
        const answer = await ask({ ...headers, Host: 'evil.example' }, body);
        expect([answer.status, answer.headers['cache-control']]).to.deep.equal([status, 'no-store']);
        if (challenge !== 'A2A') expect(answer.headers['www-authenticate']).to.include(challenge);
      }
    expect(used.backend.erased).to.deep.equal([]);
    expect((await ask(ADMIN)).status).to.equal(200);
    expect(used.backend.erased).to.deep.equal([{ tenant: 'acme' }]);
  });

  it('takes JSON in UTF-8 of 4,096 bytes at most, and nothing that could be read in two ways', async () => {
    for (const headers of [
      { 'Content-Type': 'text/plain' },
      { 'Content-Type': 'application/json; charset=latin1' },
      { 'Content-Encoding': 'gzip' },
    ]) {
      const answer = await ask({ ...ADMIN, ...headers });
      expect(answer.status).to.equal(415);
      expect(errorOf(answer)).to.equal('Content-Type must be application/json, in UTF-8 and not encoded');
    }
    const long = OWN.padEnd(4_097);
    for (const headers of [{ 'Content-Length': '4097' }, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await ask({ ...ADMIN, ...headers }, long);
      expect([answer.status, errorOf(answer)]).to.deep.equal([413, 'the body must be at most 4096 bytes']);
    }
    for (const [body, error] of [
      ['', /^the body must be JSON/],
      ['['.repeat(2_000), /^the body must be JSON/],
      ['[]', /^the body must be an object/],
      ['{"tenant":"acme","__proto__":{"subject":"ann"}}', /and nothing else$/],
      ['{"tenant":["acme"]}', /^tenant must be/],
      ['{"tenant":"acme","subject":null}', /^subject must be/],
      ['{"tenant":"acme","subject":""}', /^subject must be/],
      [`{"tenant":"acme","contextId":"${'é'.repeat(129)}"}`, /^contextId must be 1 to 256 bytes/],
      ['{"tenant":"acme","contextId":"\\ud800"}', /^contextId must be/],
    ] as const) {
      const answer = await ask(ADMIN, body);
      expect([body, answer.status]).to.deep.equal([body, 400]);
      expect(errorOf(answer)).to.match(error);
    }
    // In Latin-1: with U+FFFD in its place it would be somebody else's id.
    const bytes = Buffer.from('{"tenant":"acme","subject":"ren\u00e9"}', 'latin1');
    const answer = await ask({ ...ADMIN, 'Content-Length': String(bytes.length) }, bytes as never);
    expect([answer.status, errorOf(answer)]).to.deep.equal([400, 'the body must be JSON, in UTF-8']);
    expect(used.backend.erased).to.deep.equal([]);
    expect((await ask(ADMIN, OWN.padEnd(4_096))).status).to.equal(200);
  });

  it('is at one path, and for POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await ask(ADMIN, '', { method });
      expect([answer.status, answer.headers['allow']]).to.deep.equal([405, 'POST, OPTIONS']);
    }
    for (const path of ['/Admin/Erasures', '/ADMIN/ERASURES', '/METRICS', '/admin%2Ferasures'])
      expect([path, (await ask(ADMIN, OWN, { path })).status]).to.deep.equal([path, 404]);
    expect(used.backend.erased).to.deep.equal([]);
  });

  it('tells where an admin was who has left meanwhile', async () => {
    let finish = (): void => undefined;
    const { onErase } = used.backend;
    used.backend.onErase = async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return onErase();
    };
    const gone = new Promise((resolve) => {
      const began = (message: unknown): void => {
        unsubscribe('http.server.request.start', began);
        (message as { socket: Socket }).socket.once('close', resolve);
      };
      subscribe('http.server.request.start', began);
    });
    const asking = request(new URL(ERASURES_PATH, used.door.origin), {
      method: 'POST',
      headers: { ...JSON_TYPE, ...ADMIN },
    });
    asking.on('error', () => undefined);
    asking.end(OWN);
    await eventually(() => used.backend.erased.length === 1);
    asking.destroy();
    await gone;
    finish();
    await eventually(() => audited().length === 1);
    expect(audited()[0]).to.deep.include({ event: 'sessions_erased', from: '127.0.0.1' });
  });

  it('tells of one who may not, however often, in one line and how many more there were', async () => {
    const asked = Array.from({ length: 50 }, () => ask(withKey('ann-x8Qm2Lw')));
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).to.deep.equal(new Set([403]));
    await used.door.server.close();
    const denied = audited().map(({ event, operation, why, count }) => [event, operation, why, count]);
    expect(denied).to.deep.equal([
      ['access_denied', 'erase', 'role', 1],
      ['access_denied', 'erase', 'role', 49],
    ]);
  });

  it('turns a flood of wrong keys away in four lines, which count every one of them', async () => {
    expect((await ask(ADMIN)).status).to.equal(200);
    const wrong = Array.from({ length: 200 }, () => ask(withKey(planted('wrong-key'))));
    const statuses = (await Promise.all(wrong)).map(({ status }) => status);
    expect(new Set(statuses)).to.deep.equal(new Set([401, 429]));
    // Who was let in before from the same address still is.
    expect((await ask(ADMIN)).status).to.equal(200);
    await used.door.server.close();
    const failed = audited().filter(({ event }) => event === 'authentication_failed');
    expect(failed.length).to.be.within(2, 4);
    for (const [why, status] of [
      ['wrong', 401],
      ['turned-away', 429],
    ] as const) {
      const counts = failed.filter((line) => line['why'] === why).map(({ count }) => Number(count));
      const sum = counts.reduce((all, count) => all + count, 0);
      expect([why, sum]).to.deep.equal([why, statuses.filter((one) => one === status).length]);
    }
  });
});

describe('the door to erasure without credentials', () => {
  const used = useDoor();

  it('is closed to everybody, on loopback too, whatever they show', async () => {
    for (const headers of [{}, withKey('root-4Zb1uT9'), { Host: 'evil.example' }]) {
      const answer = await raw(
        used.door.origin,
        { path: ERASURES_PATH, headers: { ...JSON_TYPE, ...headers } },
        '{"tenant":"default"}',
      );
      expect(answer.status).to.equal(403);
    }
    expect(used.backend.erased).to.deep.equal([]);
  });
});
