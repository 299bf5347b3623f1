/** Following one task of a session in a test: what it was given, in words. */
import { formatPosition, parsePosition, type FeedPosition } from '../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../server/sessions/journal-feed.ts';
import type { Decide } from '../../server/sessions/change.ts';
import type { RecordBody } from '../../server/sessions/records.ts';

/** One more part of the artifact `a`. */
export const chunk =
  (text: string, task = 't1'): Decide =>
  (_draft, at): RecordBody[] => [
    { t: 'artifact', at, task, artifact: { artifactId: 'a', parts: [{ text }] }, append: true },
  ];

/** A chunk by its text, a message as `"text"`, a status by its last word, anything else by its type. */
export function wordOf(body: RecordBody): string {
  const text = (parts: readonly object[]): string =>
    parts.map((part) => ('text' in part ? String(part.text) : '?')).join('|');
  if (body.t === 'artifact') return text(body.artifact.parts);
  if (body.t === 'message') return JSON.stringify(text(body.message.parts));
  if (body.t === 'status') return body.state.replace('TASK_STATE_', '').toLowerCase();
  return body.t;
}

export interface Told {
  readonly word: string;
  readonly cursor: string;
}

/** Everything there is at the moment. @returns why it ended, when there was no more, and what there was before */
export async function pullAll(follower: JournalFollower): Promise<{ told: Told[]; end: string }> {
  const told: Told[] = [];
  for (;;) {
    const pulled = await follower.pull();
    if (pulled.kind !== 'entries') return { told, end: pulled.kind };
    if (pulled.entries.length === 0) return { told, end: 'drained' };
    for (const { body, position } of pulled.entries)
      told.push({ word: wordOf(body), cursor: formatPosition(position) });
  }
}

/** The same in one line: the words, and how it ended when not simply for want of more. */
export async function tellAll(follower: JournalFollower): Promise<string> {
  const { told, end } = await pullAll(follower);
  return [...told.map(({ word }) => word), ...(end === 'drained' ? [] : [`<${end}>`])].join(' ');
}

/** A position as a client brings it back. */
export function cursorOf(text: string): FeedPosition {
  const position = parsePosition(text);
  if (position === undefined) throw new Error(`no cursor: ${text}`);
  return position;
}
