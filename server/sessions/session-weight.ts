/** What a session takes in memory: a cache that is bounded by the bytes of JSON alone is not bounded. */
import type { Bytes, JsonObject, JsonValue } from '../../protocol/units.ts';
import type { Part } from '../../protocol/model.ts';
import type { JournalRecord, RecordBody } from './records.ts';
import type { Session } from './session.ts';

/** What an empty session weighs beside its records. */
const BASE: Bytes = 2_048;
/** A record in memory is larger than its JSON: its own objects, two-byte strings. */
const PER_BYTE = 2;
/**
 * What clients and agents nest in it on top. `{},` is 3 bytes of JSON and 64 of heap; `{"k1":1},{"k2":1}` 250 for each, as V8
 * describes objects with other names one by one; `1,` is 8.
 */
const PER_OBJECT: Bytes = 160;
const PER_MEMBER: Bytes = 32;
const PER_ARRAY: Bytes = 48;
const PER_ELEMENT: Bytes = 8;
const PER_STRING: Bytes = 24;
const PER_PART: Bytes = 64;

/** Sessions with nested values -> what those take. Most sessions have none, and pay nothing. */
const nested = new WeakMap<Session, Bytes>();

function weightOfValue(value: JsonValue): Bytes {
  if (typeof value === 'string') return PER_STRING;
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value))
    return value.reduce<Bytes>((sum, each) => sum + PER_ELEMENT + weightOfValue(each), PER_ARRAY);
  return Object.values(value).reduce<Bytes>(
    (sum, each) => sum + PER_MEMBER + weightOfValue(each),
    PER_OBJECT,
  );
}

interface Content {
  readonly parts: readonly Part[];
  readonly metadata?: JsonObject;
}

function weightOfContent({ parts, metadata }: Content): Bytes {
  let weight = metadata === undefined ? 0 : weightOfValue(metadata);
  for (const part of parts) {
    if ('data' in part) weight += weightOfValue(part.data);
    if (part.metadata !== undefined) weight += weightOfValue(part.metadata);
  }
  return weight + Math.max(0, parts.length - 1) * PER_PART;
}

/** Of values of any form alone: everything else has as many objects as the bytes beside it allow for. */
function nestedIn(body: RecordBody): Bytes {
  switch (body.t) {
    case 'message':
    case 'reply':
      return weightOfContent(body.message);
    case 'artifact':
      return weightOfContent(body.artifact) + (body.metadata ? weightOfValue(body.metadata) : 0);
    case 'status':
      return (
        (body.message ? weightOfContent(body.message) : 0) +
        (body.metadata ? weightOfValue(body.metadata) : 0)
      );
    case 'task':
      return body.metadata ? weightOfValue(body.metadata) : 0;
    case 'state':
      return weightOfValue(body.value);
    case 'refused':
      return nestedIn(body.record);
    default:
      return 0;
  }
}

/** Lets a session take a record that is stored. @returns bytes of earlier records that are no longer in its journal */
export function take(session: Session, record: JournalRecord): Bytes {
  const { bytes } = session;
  session.apply(record);
  const more = record.body === undefined ? 0 : nestedIn(record.body);
  if (more > 0) nested.set(session, (nested.get(session) ?? 0) + more);
  return bytes + record.bytes - session.bytes;
}

/** Of one whose records were taken by {@link take}. */
export const weightOf = (session: Session): Bytes =>
  BASE + PER_BYTE * session.bytes + (nested.get(session) ?? 0);
