import { formatPosition } from '../../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../../server/sessions/journal-feed.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import type { Session } from '../../../server/sessions/session.ts';
import type { FaultyStore } from '../../helpers/faulty-store.ts';
import { cursorOf } from '../../helpers/following.ts';
import type { TestManager } from '../../helpers/sessions.ts';

export interface Instance {
  readonly name: string;
  readonly store: FaultyStore;
  readonly test: TestManager;
  readonly session: LiveSession;
}

const textOf = (parts: readonly object[]): string =>
  parts.map((part) => ('text' in part ? part.text : '?')).join('|');

/** What a client makes its task of, by unique words; a whole artifact says nothing new. */
export function wordOf(body: RecordBody): string | undefined {
  if (body.t === 'artifact') return body.whole === true ? undefined : textOf(body.artifact.parts);
  return body.t === 'status' ? textOf(body.message?.parts ?? []) : undefined;
}

export function wordsOf(session: Session, task: string): string[] {
  const fold = session.task(task);
  const chunks = [...(fold?.artifacts.entries() ?? [])].flatMap(([, { parts }]) =>
    [...parts].map((part) => textOf([part])),
  );
  return fold?.statusMessage === undefined ? chunks : [...chunks, textOf(fold.statusMessage.parts)];
}

export const toChunk = (text: string, task: string, at: number): RecordBody => ({
  t: 'artifact',
  at,
  task,
  artifact: { artifactId: 'a', parts: [{ text }] },
  append: true,
});

/** One client of one task: what it was shown at first, and what it was told since, with its cursors. */
export class Client {
  readonly task: string;
  at: Instance;
  follower: JournalFollower;
  shown: { words: readonly string[]; cursor: string };
  told: { word: string; cursor: string }[] = [];
  sawDeferred: boolean;
  isOver = false;
  /** It has only what it is told on this connection. */
  isBound = false;

  constructor(at: Instance, task: string) {
    [this.at, this.task] = [at, task];
    this.follower = at.session.follow(task);
    this.shown = { words: wordsOf(at.session.view, task), cursor: formatPosition(this.follower.position) };
    this.sawDeferred = this.follower.position.deferred !== undefined;
  }

  get words(): string[] {
    return [...this.shown.words, ...this.told.map(({ word }) => word)];
  }

  /** @returns how it went; `over`: there is no such task any more */
  async pull(): Promise<'told' | 'nothing' | 'reset' | 'over'> {
    const pulled = await this.follower.pull();
    if (pulled.kind === 'loading' || pulled.kind === 'unavailable') return 'nothing';
    const isGone = pulled.kind === 'gone' || this.at.session.view.task(this.task) === undefined;
    if (isGone) return this.#end();
    if (pulled.kind === 'reset') {
      this.#beginAnew();
      return 'reset';
    }
    for (const { body, position } of pulled.entries) {
      const word = wordOf(body);
      if (word !== undefined) this.told.push({ word, cursor: formatPosition(position) });
      if (position.deferred !== undefined) this.sawDeferred = true;
    }
    return pulled.entries.length > 0 ? 'told' : 'nothing';
  }

  #end(): 'over' {
    this.isOver = true;
    this.follower.close();
    return 'over';
  }

  #beginAnew(): void {
    const cursor = formatPosition(this.follower.restart());
    this.shown = { words: wordsOf(this.at.session.view, this.task), cursor };
    this.told = [];
    this.isBound = false;
    this.sawDeferred = this.follower.position.deferred !== undefined;
  }

  /** As if it had not heard what came after `keep` words. @returns with what it came */
  comeBack(at: Instance, keep: number): string {
    this.follower.close();
    this.told = this.told.slice(0, keep);
    const cursor = this.told.at(-1)?.cursor ?? this.shown.cursor;
    this.at = at;
    this.follower = at.session.follow(this.task, cursorOf(cursor));
    return cursor;
  }
}
