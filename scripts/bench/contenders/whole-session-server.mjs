/**
 * Holdfast as it would be with the store that others build: each commit writes the whole session as one JSON value. It
 * shows what the journal saves, and is no store to use: it compares heads in this process alone and reads nothing back.
 */
import process from 'node:process';
import { Redis } from 'ioredis';
import { createServer, parseConfig } from '../../../dist/server/index.js';
import { MemorySessionStore } from '../../../dist/server/stores/memory/memory-store.js';

class WholeSessionStore extends MemorySessionStore {
  kind = 'whole';
  #redis = new Redis(process.env.BENCH_REDIS);
  #sessions = new Map();

  async commit(ref, request) {
    const result = await super.commit(ref, request);
    if (result.outcome === 'ok') await this.#write(ref.sessionId, request.records);
    return result;
  }

  async #write(id, added) {
    const records = this.#sessions.get(id) ?? [];
    this.#sessions.set(id, records);
    for (const { json } of added) records.push(json);
    await this.#redis.set(
      `${process.env.BENCH_PREFIX}:${id}`,
      `{"head":${records.length},"records":[${records}]}`,
      'EX',
      86_400,
    );
  }
}

const server = await createServer(parseConfig({ PORT: '0', A2A_STORE: 'memory' }), {
  store: new WholeSessionStore(Date.now),
  logDestination: process.stdout,
});
await server.listen();
