import type { Said } from './world.ts';
import type { History } from './world.ts';
import type { Written } from './tapped-store.ts';

/** What is against the rules, by rule. */
export interface Violations {
  /** Acknowledged, in no journal, and its session had not ended. */
  readonly lost: string[];
  /** More than once in one journal. */
  readonly duplicated: string[];
  /** In the journals of two epochs: it came back after its session was deleted. */
  readonly revived: string[];
  /** In a journal, although nobody was to store it. */
  readonly invented: string[];
  /** A writer's messages in another order than he said them. */
  readonly disordered: string[];
  /** Two records under one identity. */
  readonly identities: string[];
}

interface Journal {
  readonly sessionId: string;
  readonly epoch: string;
  readonly texts: string[];
}

/** The text of the message that a record holds, also of one that is kept as refused. */
export function textOf(json: string): string | undefined {
  const body = JSON.parse(json) as { t: string; record?: object; message?: { parts: { text: string }[] } };
  if (body.t === 'refused') return textOf(JSON.stringify(body.record));
  return body.t === 'message' ? body.message?.parts[0]?.text : undefined;
}

/** All journals that ever were, from what the store has carried out. */
export function journalsOf(written: readonly Written[]): Journal[] {
  const journals = new Map<string, Written[]>();
  for (const commit of written) {
    const key = `${commit.sessionId} ${commit.epoch}`;
    journals.set(key, [...(journals.get(key) ?? []), commit]);
  }
  return [...journals.values()].map((commits) => {
    commits.sort((a, b) => a.first - b.first);
    const [{ sessionId, epoch }] = commits as [Written];
    const texts = commits.flatMap(({ jsons }) => jsons.map(textOf)).filter((text) => text !== undefined);
    return { sessionId, epoch, texts };
  });
}

/** @param live epoch of each session that is there at the end */
export function judge(history: History, live: ReadonlyMap<string, string>): Violations {
  const journals = journalsOf(history.written);
  const found = new Map<string, Journal[]>();
  for (const journal of journals) {
    for (const text of new Set(journal.texts)) found.set(text, [...(found.get(text) ?? []), journal]);
  }
  const said = new Map(history.said.map((message) => [message.text, message]));
  const isLost = (message: Said): boolean =>
    (message.outcome === 'stored' || message.outcome === 'deferred') &&
    !found.has(message.text) &&
    !(message.outcome === 'deferred' && hasEnded(message, history, live));
  return {
    lost: history.said.filter(isLost).map(({ text }) => text),
    duplicated: journals.flatMap(({ texts }) => texts.filter((text, i) => texts.indexOf(text) !== i)),
    revived: [...found].filter(([, places]) => places.length > 1).map(([text]) => text),
    invented: [...found.keys()].filter((text) => (said.get(text)?.outcome ?? 'refused') === 'refused'),
    disordered: journals.flatMap(({ texts }) => outOfOrder(texts, said)),
    identities: reused(history.written),
  };
}

/**
 * An acknowledged message may be missing only when it waited in memory for a session that is gone: the one that its
 * writer knew, or, where the writer had begun it himself without the store, one that was deleted after that.
 */
function hasEnded(message: Said, history: History, live: ReadonlyMap<string, string>): boolean {
  const { sessionId, epoch, begun } = message;
  const wasStored = history.written.some((commit) => commit.epoch === epoch);
  if (wasStored) return live.get(sessionId) !== epoch;
  return begun !== undefined && history.removals.some((r) => r.sessionId === sessionId && r.at > begun);
}

function outOfOrder(texts: readonly string[], said: ReadonlyMap<string, Said>): string[] {
  const last = new Map<string, number>();
  return texts.filter((text) => {
    const message = said.get(text);
    if (message === undefined) return false;
    const before = last.get(message.writer) ?? -1;
    last.set(message.writer, message.index);
    return message.index < before;
  });
}

function reused(written: readonly Written[]): string[] {
  const seen = new Set<string>();
  const again: string[] = [];
  for (const { sessionId, instance, seqs } of written) {
    for (const seq of seqs) {
      const identity = `${sessionId} ${instance}.${seq}`;
      if (seen.has(identity)) again.push(identity);
      seen.add(identity);
    }
  }
  return again;
}
