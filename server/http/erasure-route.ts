import type { IncomingMessage, ServerResponse } from 'node:http';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { Denied } from '../rpc/denied.ts';
import { parseJsonBody } from '../rpc/json-body.ts';
import type { Principal } from '../security/principal.ts';
import type { ErasureTarget } from '../sessions/erasure-store.ts';
import { ErasureFailedError, type ErasureReport } from '../sessions/eraser.ts';
import { readBody } from './read-body.ts';
import { isJson } from './request-guards.ts';
import { type HttpAnswer, jsonAnswer, refusal, refuse } from './respond.ts';

export const ERASURES_PATH = '/admin/erasures';

const BODY_MAX_BYTES: Bytes = 4_096;
const ID_MAX_BYTES: Bytes = 256;
const FIELDS = ['tenant', 'subject', 'contextId'] as const;
const RETRY_AFTER_SECONDS = 2;

export interface ErasureRouteOptions {
  /** Who asks, when it is an admin. Throws or rejects with a `ProtocolError` that is answered with its `httpStatus`. */
  readonly admitAdmin: (req: IncomingMessage) => Principal | Promise<Principal>;
  /** @throws {ErasureFailedError} or rejects with it */
  readonly erase: (target: ErasureTarget) => Promise<ErasureReport>;
  /** Told of every erasure that was begun, and of who may not ask for one. */
  readonly onErased?: (
    req: IncomingMessage,
    who: Principal,
    target: ErasureTarget,
    done: ErasureReport,
    isWhole: boolean,
  ) => void;
  readonly onDenied?: (denied: Denied) => void;
}

const fresh = { 'Cache-Control': 'no-store' };
const bad = (status: number, error: string): HttpAnswer => jsonAnswer(status, { error }, fresh);

/** `POST /admin/erasures {tenant, subject?, contextId?}`: erases in the tenant of an admin, and answers what went. */
export function createErasureRoute(
  options: ErasureRouteOptions,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    const made = await answer(options, req, res);
    if (made !== undefined) refuse(req, res, made);
  };
}

/** @returns undefined when nobody is there any more */
async function answer(
  options: ErasureRouteOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<HttpAnswer | undefined> {
  try {
    const who = await options.admitAdmin(req);
    if (!isJson(req.headers['content-type']) || req.headers['content-encoding'] !== undefined)
      return bad(415, 'Content-Type must be application/json, in UTF-8 and not encoded');
    const body = await new Promise<Buffer | 'too large' | 'aborted'>((settle) => {
      readBody(req, res, BODY_MAX_BYTES, settle);
    });
    if (body === 'aborted') return undefined;
    if (body === 'too large') return bad(413, `the body must be at most ${BODY_MAX_BYTES} bytes`);
    const target = readTarget(body);
    if (typeof target === 'string') return bad(400, target);
    if (target.tenant !== who.tenant) {
      options.onDenied?.({ principal: who, operation: 'erase', why: 'tenant', source: req });
      return bad(403, 'tenant must be the tenant of the caller');
    }
    return await erased(options, req, who, target);
  } catch (error) {
    if (error instanceof ProtocolError) return refusal(error);
    throw error;
  }
}

async function erased(
  { erase, onErased }: ErasureRouteOptions,
  req: IncomingMessage,
  who: Principal,
  target: ErasureTarget,
): Promise<HttpAnswer> {
  try {
    const report = await erase(target);
    onErased?.(req, who, target, report, true);
    return jsonAnswer(200, report, fresh);
  } catch (error) {
    if (!(error instanceof ErasureFailedError)) throw error;
    onErased?.(req, who, target, error.done, false);
    const said = { error: `${error.message}; ask again`, done: error.done };
    return jsonAnswer(503, said, { ...fresh, 'Retry-After': RETRY_AFTER_SECONDS });
  }
}

/** @returns a string that says what is wrong */
export function readTarget(bytes: Uint8Array): ErasureTarget | string {
  let value: unknown;
  try {
    // Not a text with U+FFFD in it: it would name somebody else.
    value = parseJsonBody(bytes);
  } catch {
    return 'the body must be JSON, in UTF-8';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'the body must be an object';
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).find((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown !== undefined) return `the body has ${FIELDS.join(', ')} and nothing else`;
  for (const name of FIELDS) {
    const given = fields[name];
    if (given === undefined && name !== 'tenant') continue;
    const isId = typeof given === 'string' && given !== '' && Buffer.byteLength(given) <= ID_MAX_BYTES;
    if (!isId || /\p{Cc}/u.test(given) || !given.isWellFormed())
      return `${name} must be 1 to ${ID_MAX_BYTES} bytes of text without control characters`;
  }
  const { tenant, subject, contextId } = fields as Record<string, string | undefined>;
  return {
    tenant: tenant ?? '',
    ...(subject !== undefined && { subject }),
    ...(contextId !== undefined && { sessionId: contextId }),
  };
}
