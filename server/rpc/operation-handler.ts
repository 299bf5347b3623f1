import { foreignTenant } from './denied.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { Operation } from '../../protocol/operations.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { Answer, CallContext, StreamAnswer } from '../a2a/call.ts';

/** A stream, and the dialect in which its events are told. */
export interface StreamOutcome {
  readonly stream: StreamAnswer;
  readonly dialect: Dialect;
}

/** An answer in a dialect's wire form. */
export interface EncodedAnswer {
  readonly result: JsonValue;
  readonly persistence?: Answer<unknown>['persistence'] | undefined;
  readonly delivered?: Answer<unknown>['delivered'] | undefined;
}

export type Outcome = EncodedAnswer | StreamOutcome;

/** Params in a dialect's wire form -> the answer in it. What is wrong with them is thrown, or rejects. */
export type OperationHandler = (params: unknown, call: CallContext) => Promise<Outcome>;
export type OperationHandlers = Readonly<Partial<Record<Operation, OperationHandler>>>;

/** The tenant is the credential's. A request may repeat it, not choose it. */
export function checkTenant(tenant: string | undefined, call: CallContext): void {
  if (tenant === undefined || tenant === '' || tenant === call.principal.tenant) return;
  throw foreignTenant();
}
