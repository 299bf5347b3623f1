import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, V1 } from '../helpers/rpc.ts';
import { ServerProcess } from '../helpers/server.ts';

/** 18 kB of JSON, and 20 times as much in memory. */
const OBJECTS = Array.from({ length: 6_000 }, () => ({}));
const SENDS = 200;

describe('a server with a small heap', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-heap-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('keeps no more sessions in memory than it has room for, however many objects are nested in them', async () => {
    const env = { NODE_OPTIONS: '--max-old-space-size=72', A2A_CACHE_MAX_BYTES: String(4 * 1_048_576) };
    const server = await ServerProcess.start(env, folder);
    try {
      for (let i = 0; i < SENDS; i += 1) {
        const message = {
          messageId: `m${i}`,
          contextId: `s${i}`,
          role: 'ROLE_USER',
          parts: [{ data: OBJECTS }],
        };
        const { json } = await call(server.url, 'SendMessage', { message }, V1);
        expect(json, `send ${i}`).to.have.property('result');
      }
    } finally {
      await server.kill9();
    }
  }).timeout(60_000);
});
