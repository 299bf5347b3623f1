/** What the stores hold when all is over, read behind the servers' backs. */
import type { Redis } from 'ioredis';
import type { DurationMs } from '../../protocol/units.ts';
import type { RecordBody } from '../../server/sessions/records.ts';
import { fromChunk } from '../../server/sessions/stored-chunk.ts';
import { decodeId } from '../../server/stores/encoded-ids.ts';
import { plainState } from '../recovery/wire.ts';
import type { Moment } from './history.ts';

export interface StoredRecord {
  readonly n: number;
  /** `<instance>.<seq>`: who decided it. */
  readonly identity: string;
  readonly t: RecordBody['t'];
  /** ms since the epoch, by the clock of whoever decided it. */
  readonly at: number;
  /** Local part of the id. */
  readonly task?: string;
  /** Of a message: its id. */
  readonly messageId?: string;
  /** Of a task: a v0.1 client's own id for it. */
  readonly alias?: string;
  /** Of a message or a status: what it says. */
  readonly text?: string;
  /** Of a status. */
  readonly state?: string;
  readonly artifactId?: string;
  readonly parts?: readonly string[];
  readonly append?: boolean;
  readonly whole?: boolean;
  /** Of what was refused when it was replayed. */
  readonly refused?: StoredRecord;
  /** First and last number of a task's records that may have been deleted since, one whole artifact taking their place. */
  readonly compacted?: readonly [from: number, to: number];
}

export interface StoredJournal {
  readonly session: string;
  readonly epoch: string;
  /** Removed; there is no content. */
  readonly isTombstone: boolean;
  readonly records: readonly StoredRecord[];
  /** Numbers up to the head that are missing or cannot be read. */
  readonly damaged: readonly number[];
  /** Remaining life; -1: for ever. */
  readonly ttlMs: DurationMs;
  readonly readAt: Moment;
  /** By the clock of whoever reads: what `at` of the records is compared with. */
  readonly readAtEpochMs: number;
  /** Task id -> state, as the index for lists has it. */
  readonly summaries: ReadonlyMap<string, string>;
}

const textOf = (parts: readonly object[]): string =>
  parts.flatMap((part) => ('text' in part ? [String(part.text)] : [])).join('\n');

function toRecord(n: number, identity: string, body: RecordBody): StoredRecord {
  const common = { n, identity, t: body.t, at: body.at, ...('task' in body && { task: body.task }) };
  switch (body.t) {
    case 'message':
      return { ...common, messageId: body.message.messageId, text: textOf(body.message.parts) };
    case 'task':
      return { ...common, ...(body.alias !== undefined && { alias: body.alias }) };
    case 'run':
      return { ...common, state: 'working' };
    case 'status':
      return { ...common, state: plainState(body.state), text: textOf(body.message?.parts ?? []) };
    case 'artifact':
      return {
        ...common,
        artifactId: body.artifact.artifactId,
        parts: body.artifact.parts.map((part) => textOf([part])),
        append: body.append === true,
        whole: body.whole === true,
      };
    case 'compacted':
      return { ...common, compacted: [body.from, body.to] };
    case 'refused':
      return { ...common, refused: toRecord(n, identity, body.record) };
    default:
      return common;
  }
}

/** A record as it is stored: with its identity `<instance>.<seq>` where that does not simply count on. */
type StoredBody = RecordBody & { readonly o?: string };
interface StoredChunk {
  readonly t: 'chunk';
  readonly o?: string;
}

function parse(json: string | undefined): StoredBody | undefined {
  try {
    if (json === undefined) return undefined;
    const body = JSON.parse(json) as StoredBody | StoredChunk;
    if (body.t !== 'chunk') return body;
    // Whose run it was is not looked at here.
    const chunk = fromChunk({ ...body }, '');
    return chunk && { ...chunk, ...(body.o !== undefined && { o: body.o }) };
  } catch {
    return undefined;
  }
}

function next(identity: string): string {
  const dot = identity.lastIndexOf('.');
  return `${identity.slice(0, dot)}.${Number(identity.slice(dot + 1)) + 1}`;
}

/** Whether a record may be missing. */
export const isCompacted = (records: readonly StoredRecord[], n: number): boolean =>
  records.some(({ compacted }) => compacted !== undefined && compacted[0] <= n && n <= compacted[1]);

/** @param fields of the session's hash */
export function toJournal(
  session: string,
  fields: Readonly<Record<string, string>>,
  ttlMs: DurationMs,
): StoredJournal {
  const records: StoredRecord[] = [];
  const damaged: number[] = [];
  const head = Number(fields['v'] ?? 0);
  let identity: string | undefined;
  for (let n = 1; n <= head; n += 1) {
    const body = parse(fields[String(n)]);
    identity = body?.o ?? (identity === undefined ? undefined : next(identity));
    if (body === undefined || identity === undefined) damaged.push(n);
    else records.push(toRecord(n, identity, body));
  }
  const summaries = Object.entries(fields).flatMap(([name, json]) => {
    if (!name.startsWith('t:')) return [];
    const { state = '' } = JSON.parse(json) as { state?: string };
    return [
      [
        decodeId(name.slice(2).replace(/\.[^.]*$/, '')) + name.slice(name.lastIndexOf('.')),
        plainState(state),
      ] as const,
    ];
  });
  const missing = damaged.filter((n) => !isCompacted(records, n));
  return {
    ...{ session, epoch: fields['e'] ?? '', isTombstone: fields['d'] !== undefined, records, ttlMs },
    damaged: missing,
    ...{ readAt: performance.now(), readAtEpochMs: Date.now(), summaries: new Map(summaries) },
  };
}

const SCAN_COUNT = 500;

/** Every session that the servers of a scenario have written. */
export async function readJournals(masters: readonly Redis[], prefix = 'a2a'): Promise<StoredJournal[]> {
  const journals: StoredJournal[] = [];
  for (const client of masters) {
    const keys = new Set<string>();
    for (let cursor = ''; cursor !== '0';) {
      const [next, found] = await client.scan(
        cursor === '' ? '0' : cursor,
        'MATCH',
        `${prefix}:1:{*}:s:*`,
        'COUNT',
        SCAN_COUNT,
      );
      for (const key of found) keys.add(key);
      cursor = next;
    }
    for (const key of keys) {
      const [fields, ttlMs] = await Promise.all([client.hgetall(key), client.pttl(key)]);
      // It may have expired in between.
      if (ttlMs !== -2) journals.push(toJournal(decodeId(key.replace(/^.*\}:s:/, '')), fields, ttlMs));
    }
  }
  return journals;
}
