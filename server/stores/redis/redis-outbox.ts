import type { DurationMs } from '../../../protocol/units.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { decodeId } from '../encoded-ids.ts';
import { checkTtl } from '../request-checks.ts';
import type { RedisKeys, ShelfKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

/** Which sessions have webhooks to send, on all shelves of a tenant. */
export class RedisOutbox {
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  #claims = 0;

  constructor(scripts: ScriptRunner, keys: RedisKeys) {
    this.#scripts = scripts;
    this.#keys = keys;
  }

  async claim(tenant: string, limit: number, holdMs: DurationMs, only?: string): Promise<readonly string[]> {
    const claim = async ({ outbox, base }: ShelfKeys, ...rest: (string | number)[]) =>
      ((await this.#scripts.run('claimDue', [outbox], [`${base}s:`, ...rest])) as string[]).map(decodeId);
    const ms = checkTtl(holdMs);
    if (only !== undefined) {
      const { shelf, member } = this.#keys.session({ tenant, sessionId: only });
      return await claim(shelf, 1, ms, member);
    }
    // not always the same shelf first: one that is never empty would keep the others waiting
    const shelves = this.#keys.shelves(tenant);
    const first = this.#claims++ % shelves.length;
    const taken: string[] = [];
    for (const shelf of [...shelves.slice(first), ...shelves.slice(0, first)]) {
      if (taken.length < limit) taken.push(...(await claim(shelf, limit - taken.length, ms)));
    }
    return taken;
  }

  async hold(ref: SessionRef, holdMs: DurationMs): Promise<void> {
    const { shelf, member } = this.#keys.session(ref);
    await this.#scripts.run('holdDue', [shelf.outbox], [member, checkTtl(holdMs)]);
  }
}
