/** Records as they are written to a store and read from it. */
import { TASK_STATES } from '../../protocol/task-state.ts';
import {
  formatIdentity,
  parseIdentity,
  type ArtifactRecord,
  type DecidedRecord,
  type Identity,
  type JournalRecord,
  type RecordBody,
} from './records.ts';
import { fromChunk } from './stored-chunk.ts';

const countsOn = ({ instance, seq }: Identity, follows: Identity | undefined): boolean =>
  follows?.instance === instance && follows.seq === seq - 1;

/** Whether a record is more of the artifact that the one in front of it is a chunk of. */
const isNextChunk = (body: RecordBody, before: ArtifactRecord): boolean =>
  body.t === 'artifact' &&
  body.whole !== true &&
  body.task === before.task &&
  body.artifact.artifactId === before.artifact.artifactId;

/**
 * Whether a record says its identity `o`: the first of a commit, where it does not simply count on, and behind the chunks
 * of an artifact, which may be deleted one day: then nothing that stays may lean on them.
 *
 * @param before the record in front of it in the same commit; undefined for the first
 */
export function saysIdentity(record: DecidedRecord, before: DecidedRecord | undefined): boolean {
  if (before === undefined || !countsOn(record.identity, before.identity)) return true;
  return before.body.t === 'artifact' && !isNextChunk(record.body, before.body);
}

/**
 * The first record of a commit also says whom it follows (`p`), unless that is this instance's previous record.
 *
 * @param head identity of the record at the expected head
 * @param before the record in front of it in the same commit; undefined for the first
 */
export function toStoredJson(
  record: DecidedRecord,
  head: Identity | undefined,
  before: DecidedRecord | undefined,
): string {
  if (!saysIdentity(record, before)) return record.json;
  let text = `${record.json.slice(0, -1)},"o":"${formatIdentity(record.identity)}"`;
  if (before === undefined && head !== undefined && !countsOn(record.identity, head))
    text += `,"p":"${formatIdentity(head)}"`;
  return `${text}}`;
}

type FieldKind = 'string' | 'number' | 'object' | 'any';

const FIELDS: Readonly<Record<RecordBody['t'], readonly (readonly [string, FieldKind])[]>> = {
  created: [],
  message: [
    ['task', 'string'],
    ['message', 'object'],
  ],
  task: [
    ['task', 'string'],
    ['by', 'string'],
  ],
  run: [
    ['task', 'string'],
    ['by', 'string'],
  ],
  status: [
    ['task', 'string'],
    ['state', 'string'],
  ],
  cancel: [['task', 'string']],
  handover: [
    ['task', 'string'],
    ['by', 'string'],
  ],
  artifact: [
    ['task', 'string'],
    ['artifact', 'object'],
  ],
  reply: [
    ['task', 'string'],
    ['by', 'string'],
    ['message', 'object'],
  ],
  state: [
    ['task', 'string'],
    ['key', 'string'],
    ['value', 'any'],
  ],
  push: [
    ['task', 'string'],
    ['id', 'string'],
    ['config', 'object'],
  ],
  unpush: [
    ['task', 'string'],
    ['id', 'string'],
  ],
  receipt: [
    ['task', 'string'],
    ['id', 'string'],
  ],
  compacted: [
    ['task', 'string'],
    ['from', 'number'],
    ['to', 'number'],
  ],
  refused: [
    ['why', 'string'],
    ['record', 'object'],
  ],
};

const STATES: ReadonlySet<unknown> = new Set(TASK_STATES);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isBody(value: Record<string, unknown>): boolean {
  const fields = FIELDS[value['t'] as RecordBody['t']];
  if (typeof value['at'] !== 'number') return false;
  if (value['t'] === 'status' && !STATES.has(value['state'])) return false;
  if (
    value['t'] === 'refused' &&
    !(isObject(value['record']) && knows(value['record']) && isBody(value['record']))
  )
    return false;
  if (isObject(value['message']) && !Array.isArray(value['message']['parts'])) return false;
  if (isObject(value['artifact']) && !Array.isArray(value['artifact']['parts'])) return false;
  for (const [name, type] of fields) {
    const isThere =
      type === 'any'
        ? name in value
        : type === 'object'
          ? isObject(value[name])
          : typeof value[name] === type;
    if (!isThere) return false;
  }
  return true;
}

const isOfThisVersion = (value: Record<string, unknown>): boolean => (value['v'] ?? 1) === 1;

const knows = (value: Record<string, unknown>): boolean =>
  typeof value['t'] === 'string' && Object.hasOwn(FIELDS, value['t']) && isOfThisVersion(value);

/**
 * @param before identity of the record in front of it
 * @returns undefined when the record is damaged: missing, not JSON, or not shaped as its type says
 */
export function fromStoredJson(
  n: number,
  json: string | null,
  before: Identity | undefined,
): JournalRecord | undefined {
  if (json === null) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value['t'] !== 'string') return undefined;
  const identity =
    typeof value['o'] === 'string'
      ? parseIdentity(value['o'])
      : before && { instance: before.instance, seq: before.seq + 1 };
  if (identity === undefined) return undefined;
  const bytes = Buffer.byteLength(json);
  const says = value['o'] !== undefined;
  if (value['t'] === 'chunk' && isOfThisVersion(value)) {
    const body = fromChunk(value, identity.instance);
    return body && { n, identity, body, skippable: false, bytes, says };
  }
  if (!knows(value))
    return { n, identity, body: undefined, skippable: value['skippable'] === true, bytes, says };
  if (!isBody(value)) return undefined;
  // The last one first: an object that loses another member than its last becomes a dictionary, three times as large.
  if (value['p'] !== undefined) delete value['p'];
  if (value['o'] !== undefined) delete value['o'];
  return { n, identity, body: value as unknown as RecordBody, skippable: false, bytes, says };
}
