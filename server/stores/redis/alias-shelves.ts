import type { DurationMs } from '../../../protocol/units.ts';
import { encodeTaskId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import type { AliasEntry } from '../../sessions/session-store.ts';
import { aliasField, decodeId, encodeFullTaskId } from '../encoded-ids.ts';
import type { RedisKeys } from './keys.ts';
import type { Reply } from './replies.ts';
import type { ScriptRunner } from './script-runner.ts';

interface Settled {
  /** Per alias what the commit script shall make of it: `=` set already, `!<task>` taken. */
  readonly marks: readonly string[];
  /** Puts back what was there: the commit did not happen. */
  undo(): Promise<void>;
}

/**
 * With several buckets an alias is looked up before its session is known, so it lives in the bucket of its own name,
 * out of the commit script's reach. It is set before the commit and taken back if that is refused; between a crash and
 * the next send it may name a task that never was, which reads as "not found".
 */
export class AliasShelves {
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #indexTtlMs: DurationMs;

  constructor(scripts: ScriptRunner, keys: RedisKeys, indexTtlMs: DurationMs) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#indexTtlMs = indexTtlMs;
  }

  /** @param isTaken whether an alias that names this task, encoded, is to stay as it is */
  async settle(
    { tenant, sessionId }: SessionRef,
    aliases: readonly AliasEntry[],
    isTaken: (task: string) => Promise<boolean>,
  ): Promise<Settled> {
    const marks: string[] = [];
    const undo: (() => Promise<unknown>)[] = [];
    for (const { subject, clientTaskId, local, expected } of aliases) {
      const key = this.#keys.aliasShelf(tenant, subject, clientTaskId).aliases;
      const field = aliasField(subject, clientTaskId);
      const wanted = encodeTaskId(sessionId, local);
      const set = async (known: string) =>
        (await this.#scripts.run('alias', [key], [field, wanted, known, this.#indexTtlMs])) as [
          number,
          string,
        ];
      let [done, named] = await set(expected === null ? '' : encodeFullTaskId(expected));
      if (done === 0 && !(await isTaken(named))) [done, named] = await set(named);
      marks.push(done === 1 ? '=' : `!${named}`);
      if (done === 1 && named !== wanted) {
        undo.unshift(() => this.#scripts.run('unalias', [key], [field, wanted, named]));
      }
    }
    return {
      marks,
      undo: async () => {
        for (const back of undo) await back();
      },
    };
  }

  /** @param loose alias and task by turns, of sessions that are gone; an alias that names another task stays */
  async release(loose: Reply, tenant: string): Promise<void> {
    for (let i = 0; i + 1 < loose.length; i += 2) {
      const field = String(loose[i]);
      const [subject = '', clientTaskId = ''] = field.split('/').map(decodeId);
      const { aliases } = this.#keys.aliasShelf(tenant, subject, clientTaskId);
      await this.#scripts.run('unalias', [aliases], [field, String(loose[i + 1]), '']);
    }
  }
}
