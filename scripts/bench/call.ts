import { randomBytes } from 'node:crypto';

/** One kind of request, as a load generator makes it over and over. */
export interface Call {
  readonly method: string;
  /**
   * JSON. {@link UNIQUE} in it is replaced by text that no other request has, {@link ITEM} by one of `items` in turn.
   */
  readonly params: string;
  readonly items?: readonly string[];
  /** What every answer has in it: one without it fails the run. */
  readonly expects: string;
}

export const UNIQUE = '@UNIQUE@';
export const ITEM = '@ITEM@';

/** The body of a call in pieces: text, and between two of them what differs from request to request. */
export type Piece = { readonly text: string } | { readonly insert: 'number' | 'item' };

/** @param run told apart from other runs on the same server by this @returns the pieces of its JSON-RPC request */
export function piecesOf(call: Call, run = randomBytes(6).toString('hex')): Piece[] {
  const params = call.params.replaceAll(UNIQUE, `${run}-${UNIQUE}`);
  const body = `{"jsonrpc":"2.0","id":${UNIQUE},"method":${JSON.stringify(call.method)},"params":${params}}`;
  return body.split(/(@UNIQUE@|@ITEM@)/).map((part): Piece => {
    if (part === UNIQUE) return { insert: 'number' };
    return part === ITEM ? { insert: 'item' } : { text: part };
  });
}

/** As long as what {@link UNIQUE} becomes, give or take a digit. */
const UNIQUE_CHARS = 19;

/**
 * A blocking send of so much text, another one each time: no contender has it from before.
 *
 * @param contextId absent: each begins a session
 */
export function sendCall(textBytes: number, contextId?: string, items?: readonly string[]): Call {
  const rest = textBytes - UNIQUE_CHARS;
  const text = rest > 0 ? UNIQUE + 'x'.repeat(rest) : 'x'.repeat(textBytes);
  const context = contextId === undefined ? '' : `"contextId":"${contextId}",`;
  return {
    method: 'SendMessage',
    params: `{"message":{"messageId":"${UNIQUE}",${context}"role":"ROLE_USER","parts":[{"text":"${text}"}]}}`,
    ...(items !== undefined && { items }),
    expects: 'TASK_STATE_COMPLETED',
  };
}

/** Polls these tasks in turn. */
export const getCall = (taskIds: readonly string[]): Call => ({
  method: 'GetTask',
  params: `{"id":"${ITEM}"}`,
  items: taskIds,
  expects: 'TASK_STATE_COMPLETED',
});
