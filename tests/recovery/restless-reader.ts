/** A client of streams that comes, goes and comes back, to any server, and checks that what it is told fits together. */
import { readEvents, type ServerSentEvent } from '../../scripts/recovery/event-stream.ts';
import type { Random } from '../../scripts/recovery/random.ts';
import { V1 } from '../helpers/rpc.ts';

/** One thing that a client was told of a task, as the journal would say it. */
export type Word = string;

interface Told {
  readonly word: Word;
  readonly cursor: string | undefined;
  /** The task as it stands, instead of what happened to it: how many chunks it has. */
  readonly snapshot?: { readonly state: string; readonly chunks: readonly string[] };
  readonly at: number;
}

interface WireStatus {
  readonly state: string;
}
interface WireArtifact {
  readonly parts: readonly { readonly text: string }[];
}
interface WireResult {
  readonly task?: { readonly status: WireStatus; readonly artifacts?: readonly WireArtifact[] };
  readonly statusUpdate?: { readonly status: WireStatus };
  readonly artifactUpdate?: { readonly artifact: WireArtifact };
}

const textOf = (artifact: WireArtifact | undefined): string[] =>
  artifact?.parts.map(({ text }) => text) ?? [];

/** Told of every stream and every get, whichever way they end. */
export interface Tally {
  streams: number;
  resumed: number;
  refused: number;
  snapshots: number;
  fromMemory: number;
}

export class RestlessReader {
  readonly told: Told[] = [];
  readonly #urls: readonly string[];
  readonly #taskId: string;
  readonly #random: Random;
  readonly #tally: Tally;
  #hasEnded = false;

  constructor(urls: readonly string[], taskId: string, random: Random, tally: Tally) {
    this.#urls = urls;
    this.#taskId = taskId;
    this.#random = random;
    this.#tally = tally;
  }

  /** Until it has been told the end. @throws what nobody may be told */
  async read(): Promise<void> {
    while (!this.#hasEnded) {
      if (this.#random.next() < 0.2) await this.get();
      else await this.#follow();
    }
  }

  /** The chunks that a server shows; undefined when it cannot say now. */
  async get(url = this.#url()): Promise<{ state: string; chunks: readonly string[] } | undefined> {
    const response = await this.#post(url, 'GetTask', {}, new AbortController().signal);
    const text = await response.text();
    const { result, error } = JSON.parse(text) as { result?: WireResult['task']; error?: object };
    if (result !== undefined)
      return { state: result.status.state, chunks: (result.artifacts ?? []).flatMap(textOf) };
    this.#mayBeRefused(error);
    return undefined;
  }

  async #follow(): Promise<void> {
    const leave = new AbortController();
    const cursor = this.told.findLast((each) => each.cursor !== undefined)?.cursor;
    const headers: Record<string, string> = cursor === undefined ? {} : { 'Last-Event-ID': cursor };
    const response = await this.#post(this.#url(), 'SubscribeToTask', headers, leave.signal);
    if (response.headers.get('Content-Type')?.startsWith('text/event-stream') !== true) {
      this.#mayBeRefused((JSON.parse(await response.text()) as { error?: object }).error);
      return;
    }
    this.#tally.streams += 1;
    if (cursor !== undefined) this.#tally.resumed += 1;
    if (cursor?.includes('~') === true) this.#tally.fromMemory += 1;
    let stay = this.#random.next() < 0.2 ? Infinity : this.#random.below(80);
    for await (const event of readEvents(response)) {
      this.#take(event);
      if (stay-- === 0) break;
    }
    leave.abort();
  }

  #take({ id, data }: ServerSentEvent): void {
    const { result, error } = JSON.parse(data) as { result?: WireResult; error?: object };
    if (result === undefined) {
      this.#mayBeRefused(error);
      return;
    }
    const { task, statusUpdate, artifactUpdate } = result;
    const at = performance.now();
    const state = (task ?? statusUpdate)?.status.state ?? '';
    if (task !== undefined) {
      this.#tally.snapshots += 1;
      const chunks = (task.artifacts ?? []).flatMap(textOf);
      this.told.push({ word: 'snapshot', cursor: id, snapshot: { state, chunks }, at });
    } else {
      const word = artifactUpdate === undefined ? state : textOf(artifactUpdate.artifact).join('|');
      this.told.push({ word, cursor: id, at });
    }
    this.#hasEnded = /COMPLETED|FAILED|CANCELED/.test(state);
  }

  #mayBeRefused(error: object | undefined): void {
    this.#tally.refused += 1;
    const text = JSON.stringify(error);
    // The task had ended before this reader was told anything of it.
    if (text.includes('-32004') && this.told.length === 0) this.#hasEnded = true;
    else if (!text.includes('google.rpc.RetryInfo')) throw new Error(`a reader was told ${text}`);
  }

  #url(): string {
    return this.#urls[this.#random.below(this.#urls.length)] ?? '';
  }

  #post(
    url: string,
    method: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 'r', method, params: { id: this.#taskId } });
    return fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...V1, ...headers },
      body,
      signal,
    });
  }
}

/**
 * Holds what a reader was told to what happened, as the journal has it.
 *
 * @param journal every event of the task in order, the first one being its beginning
 * @param wasAway whether the store was away at a moment: then, and only then, another server may know less
 */
export function findFaults(
  told: readonly Told[],
  journal: readonly Word[],
  wasAway: (at: number) => boolean,
): string[] {
  const faults: string[] = [];
  /** Index of what comes next. */
  let next = 0;
  for (const [nth, { word, snapshot, at }] of told.entries()) {
    if (snapshot === undefined) {
      if (word !== journal[next])
        faults.push(`event ${nth} is ${word} instead of ${journal[next] ?? 'none'}`);
      next = journal.indexOf(word, 0) + 1;
      continue;
    }
    const shown = positionOf(snapshot, journal);
    if (shown === undefined) faults.push(`snapshot ${nth} is nothing that ever was: ${snapshot.state}`);
    else if (shown < next && !wasAway(at)) faults.push(`snapshot ${nth} goes back from ${next} to ${shown}`);
    next = shown ?? next;
  }
  if (told.length > 0 && next !== journal.length) faults.push(`it ends at ${next} of ${journal.length}`);
  return faults;
}

/** Behind how many events a task looks like this. Every word of the journal is there once. */
export function positionOf(
  { state, chunks }: { readonly state: string; readonly chunks: readonly string[] },
  journal: readonly Word[],
): number | undefined {
  let [now, seen] = ['', 0];
  if (chunks.length === 0 && state === journal[0]) return 1;
  for (const [at, word] of journal.entries()) {
    if (word.startsWith('chunk')) {
      if (chunks[seen] === word) seen += 1;
      else return undefined;
    } else now = word;
    if (seen === chunks.length && now === state) return at + 1;
  }
  return undefined;
}
