import type { DurationMs } from '../../../protocol/units.ts';
import type { ListedSession, SessionList, SessionQuery } from '../../sessions/session-list.ts';
import { decodeId } from '../encoded-ids.ts';
import { checkPageLimit } from '../request-checks.ts';
import { readPageToken, toPageToken } from '../running-tasks.ts';
import type { RedisKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

/** Lists sessions from the indexes of all shelves of a tenant, one shelf after the other: one round trip for each page. */
export class RedisSessionLists {
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #unlimitedMs: DurationMs;

  /** @param unlimitedMs what to call the life of a session whose expiry somebody has taken off */
  constructor(scripts: ScriptRunner, keys: RedisKeys, unlimitedMs: DurationMs) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#unlimitedMs = unlimitedMs;
  }

  /** @throws {RangeError} for a limit or a place that is none */
  async list(tenant: string, { limit, after }: SessionQuery): Promise<SessionList> {
    checkPageLimit(limit);
    const { index, last } = readPageToken(after);
    const shelves = this.#keys.shelves(tenant);
    const shelf = shelves[index];
    if (shelf === undefined) throw new RangeError('not a place in a list');
    const args = [`${shelf.base}s:`, limit, ...(last === undefined ? [] : [last.statusAt, last.member])];
    const flat = (await this.#scripts.run('listSessions', [shelf.sessions], args)) as (string | number)[];
    const sessions: ListedSession[] = [];
    for (let i = 0; i + 4 < flat.length; i += 5) {
      const [member, , pttl, head, bytes] = flat.slice(i, i + 5).map(String);
      if (Number(pttl) !== GONE) sessions.push(this.#toListed(member, Number(pttl), head, bytes));
    }
    if (flat.length === 5 * limit) {
      const [member, score] = flat.slice(-5);
      return {
        sessions,
        next: toPageToken({ index, last: { statusAt: Number(score), member: String(member) } }),
      };
    }
    return index + 1 < shelves.length ? { sessions, next: toPageToken({ index: index + 1 }) } : { sessions };
  }

  #toListed(member = '', pttl: DurationMs, head = '', bytes = ''): ListedSession {
    return {
      sessionId: decodeId(member),
      remainingMs: pttl < 0 ? this.#unlimitedMs : Math.max(1, pttl),
      ...(/^\d+$/.test(head) && { head: Number(head) }),
      ...(/^\d+$/.test(bytes) && { bytes: Number(bytes) }),
    };
  }
}

/** As PTTL says it of a key that is not there. */
const GONE = -2;
