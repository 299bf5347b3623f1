import { ProtocolError } from '../../protocol/errors.ts';
import { operationOf } from '../../protocol/operations.ts';
import { selectDialect, type Selection, type SelectOptions } from '../../protocol/dialects/select.ts';

export type RequestId = string | number | null;

/** What a body says before its params are looked at. */
export interface Envelope {
  /** What the answer carries; null also when the request's own could not be read. */
  readonly id: RequestId;
  /** No `id` at all: executed, and answered with nothing. */
  readonly isNotification: boolean;
  readonly method: string;
  readonly params: unknown;
  readonly selection: Selection;
  /** The first fault found; the rest of the envelope serves to answer it. */
  readonly error?: ProtocolError;
}

const invalid = (message: string): ProtocolError => new ProtocolError('INVALID_REQUEST', { message });

/**
 * An id must come back with the same value. An integer beyond 2^53 would not, because it is no longer the number that
 * was sent; nor would one beyond the range of a double.
 */
const isId = (id: unknown): id is RequestId =>
  id === null ||
  typeof id === 'string' ||
  (typeof id === 'number' && Number.isFinite(id) && (Number.isSafeInteger(id) || !Number.isInteger(id)));

/** JSON-RPC 2.0 §4, and how A2A 1.0 §9, 0.3 §3.2 and 0.1 §7 read it. Never throws. */
export function readEnvelope(body: unknown, version: string | undefined, options: SelectOptions): Envelope {
  // Of these names Object.prototype has none, so that what is read is the body's own.
  const members: Partial<Record<string, unknown>> =
    typeof body === 'object' && body !== null ? body : NOTHING;
  const { id, method, params } = members;
  const name = typeof method === 'string' ? method : '';
  const selection = selectDialect(name, version, options);
  const error = findFault(body, members, selection) ?? selection.error;
  const isNotification = error === undefined && id === undefined;
  const envelope: Envelope = { id: isId(id) ? id : null, isNotification, method: name, params, selection };
  return error === undefined ? envelope : { ...envelope, error };
}

const NOTHING = {};

function findFault(
  body: unknown,
  { id, method, jsonrpc }: Partial<Record<string, unknown>>,
  selection: Selection,
): ProtocolError | undefined {
  if (Array.isArray(body)) return invalid('Batches are not supported: send one request per call');
  if (typeof body !== 'object' || body === null)
    return invalid('The body must be one JSON-RPC 2.0 request object');
  if (id !== undefined && !isId(id))
    return invalid('id must be a string, null, or a number no greater than 2^53 - 1');
  if (typeof method !== 'string' || method === '') return invalid('method must be a non-empty string');
  if (jsonrpc === '2.0' && id !== undefined) return undefined;
  const isLenient = speaksV01(method, selection);
  if (jsonrpc !== '2.0' && !(isLenient && jsonrpc === undefined)) return invalid('jsonrpc must be "2.0"');
  return id === undefined && !isLenient ? invalid('id is missing') : undefined;
}

/** Early 0.1 documents show requests without `id` and `jsonrpc`, and its schema requires neither. */
const speaksV01 = (method: string, selection: Selection): boolean =>
  (selection.dialect === 'v01' || selection.legacy) && operationOf(method, 'v01') !== undefined;
