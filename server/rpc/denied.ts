import { invalidParams, ProtocolError } from '../../protocol/errors.ts';
import type { Principal } from '../security/principal.ts';

/** A call that was refused for who made it. */
export interface Denied {
  readonly principal: Principal;
  /** Absent where no operation was named. */
  readonly operation: string | undefined;
  /** A role is missing, or a tenant was named that is not the caller's. */
  readonly why: 'role' | 'tenant';
  /** The request as the transport handed it in. */
  readonly source: unknown;
}

const foreignTenants = new WeakSet();

export function foreignTenant(): ProtocolError {
  const description = 'must be absent, empty or the tenant of the caller';
  const error = invalidParams({ field: 'tenant', description });
  foreignTenants.add(error);
  return error;
}

export function whyDenied(error: unknown): Denied['why'] | undefined {
  if (!(error instanceof ProtocolError)) return undefined;
  if (error.reason === 'PERMISSION_DENIED') return 'role';
  return foreignTenants.has(error) ? 'tenant' : undefined;
}
