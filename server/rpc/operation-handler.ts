import { invalidParams } from '../../protocol/errors.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { Operation } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { Answer, CallContext, StreamAnswer } from '../a2a/call.ts';

/** A stream, and the dialect in which its events are told. */
export interface StreamOutcome {
  readonly stream: StreamAnswer;
  readonly dialect: Dialect;
}

export type Outcome = Answer<JsonValue> | StreamOutcome;

/** Params in a dialect's wire form -> the answer in it. */
export type OperationHandler = (params: unknown, call: CallContext) => Promise<Outcome>;
export type OperationHandlers = Readonly<Partial<Record<Operation, OperationHandler>>>;

/** The tenant is the credential's. A request may repeat it, not choose it. */
export function checkTenant(tenant: string | undefined, call: CallContext): void {
  if (tenant === undefined || tenant === '' || tenant === call.principal.tenant) return;
  throw invalidParams({ field: 'tenant', description: 'must be absent, empty or the tenant of the caller' });
}
