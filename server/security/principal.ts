/** Who calls. Made from the credential once per request; the request body never changes it. */
export interface Principal {
  readonly tenant: string;
  /** Within the tenant; part of what scopes aliases and derived session ids. */
  readonly subject: string;
  readonly roles: readonly string[];
  /** Which set of limits applies to the caller. */
  readonly tier: string;
  /** Id of the API key that was shown, for the audit stream. */
  readonly credential?: string;
}

/** Of a credential that names none. */
export const DEFAULT_TIER = 'default';

/** What a 401 asks for when no credential was shown. RFC 9110 §11.6.1. */
export const CHALLENGE = 'Bearer realm="holdfast"';

const ANONYMOUS: Principal = Object.freeze({
  tenant: 'default',
  subject: 'anonymous',
  roles: Object.freeze(['peer']),
  tier: DEFAULT_TIER,
});

/** Without credentials configured everybody is the same caller of the single tenant `default`. */
export function resolvePrincipal(): Principal {
  return ANONYMOUS;
}
