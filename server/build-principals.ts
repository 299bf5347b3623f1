import type { IncomingMessage } from 'node:http';
import type { SecurityScheme } from '../protocol/card-security.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { EpochMs } from '../protocol/units.ts';
import { type AuditTrail, buildAudit } from './build-audit.ts';
import { type BuiltRates, buildRates } from './build-rates.ts';
import { isExposed, watchFile } from './build-rereads.ts';
import { FileProblemsError, readApiKeys, readPublicKeys } from './config-files.ts';
import type { JwtConfig } from './config-jwt.ts';
import { type ApiKeyRow, findUnknownRoles } from './config-keys.ts';
import type { VariableName } from './config-variables.ts';
import { ConfigError, type Config } from './config.ts';
import { createHostGuard, isLoopback } from './http/request-guards.ts';
import type { Log } from './observability/log-events.ts';
import type { LogDestination } from './observability/logger.ts';
import type { Metrics } from './observability/metrics.ts';
import { API_KEY_SCHEMES, ApiKeys } from './security/api-keys.ts';
import { Credentials } from './security/credentials.ts';
import { GuardedCredentials } from './security/guarded-credentials.ts';
import { JwtBearer, jwtSchemes } from './security/jwt-bearer.ts';
import { createOnceAMinute } from './security/once-a-minute.ts';
import { authorize, type OwnOperation, ROLES } from './security/permissions.ts';
import { type Principal, resolvePrincipal } from './security/principal.ts';
import { FileKeys, RemoteKeys, type TokenKeys } from './security/token-keys.ts';
import { WrongCredentials } from './security/wrong-credentials.ts';

/** Who may come in, and how the agent card says it. */
export interface Admission {
  /** @throws {ProtocolError} UNAUTHENTICATED, AUTHENTICATION_UNAVAILABLE, RESOURCE_EXHAUSTED; or rejects with it */
  readonly resolvePrincipal: (req: IncomingMessage) => Principal | Promise<Principal>;
  /** @throws {ProtocolError} as above, or PERMISSION_DENIED; or rejects with it */
  readonly admitOperator: (req: IncomingMessage) => void | Promise<void>;
  /** As {@link admitOperator}, for who may erase: in the tenant of the answer. */
  readonly admitAdmin: (req: IncomingMessage) => Principal | Promise<Principal>;
  readonly isHostAllowed: (req: IncomingMessage) => boolean;
  /** None: calls need no credentials. */
  readonly schemes: readonly SecurityScheme[];
  readonly audit: AuditTrail;
  /** Absent: nothing is to be begun. */
  readonly rates?: Pick<BuiltRates, 'start'>;
  /** Idempotent. Never rejects. */
  readonly close: () => Promise<void>;
}

export interface AdmissionOptions {
  readonly config: Config;
  /** Roles beside the server's own that something is done for: those that an extended card is shown to. */
  readonly cardRoles: readonly string[];
  readonly now: () => EpochMs;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly destination: LogDestination;
}

/** @throws {ConfigError} when a file of keys is no longer usable, or names a role that nobody knows */
export async function buildAdmission(options: AdmissionOptions): Promise<Admission> {
  const { host, publicUrl, apiKeysFile, jwt } = options.config;
  const built = buildRates(options);
  const audit = buildAudit(options);
  const close = async (): Promise<void> => {
    built?.close();
    await audit.close();
  };
  const rates = { ...(built && { rates: built }), audit, close };
  if (apiKeysFile === undefined && jwt === undefined) {
    if (!isLoopback(host)) options.log('credentials_missing', { host });
    return {
      resolvePrincipal: withRates(resolvePrincipal, built),
      admitOperator: () => undefined,
      admitAdmin: refuseWithoutCredentials,
      isHostAllowed: createHostGuard(host, publicUrl),
      schemes: [],
      ...rates,
    };
  }
  const keys = apiKeysFile === undefined ? undefined : await buildApiKeys(apiKeysFile, options, audit);
  const tokens = jwt === undefined ? undefined : await buildTokens(jwt, options);
  const credentials = new Credentials({ ...(keys && { keys }), ...(tokens && { tokens }) });
  const guarded = new GuardedCredentials(
    credentials,
    buildWrongCredentials(options),
    options.config.bounds.trustProxyHops,
  );
  const resolve = told((req) => guarded.resolve(req), audit);
  const allow = (operation: OwnOperation, principal: Principal, source: IncomingMessage): Principal => {
    try {
      authorize(operation, principal);
    } catch (error) {
      audit.onDenied({ principal, operation, why: 'role', source });
      throw error;
    }
    return principal;
  };
  return {
    resolvePrincipal: withRates(resolve, built),
    admitOperator: async (req) => {
      allow('readMetrics', await resolve(req), req);
    },
    admitAdmin: async (req) => {
      audit.arrived(req);
      return allow('erase', await resolve(req), req);
    },
    // A page that got here by DNS rebinding has no credential.
    isHostAllowed: () => true,
    schemes: [...(keys ? API_KEY_SCHEMES : []), ...(jwt ? jwtSchemes(jwt.openIdConnectUrl) : [])],
    ...rates,
  };
}

/** Whoever reaches the server would be an admin. */
function refuseWithoutCredentials(): never {
  throw new ProtocolError('PERMISSION_DENIED', {
    message: 'This needs credentials, and the server has none configured: use holdfast erase',
    httpStatus: 403,
  });
}

type Resolve = (req: IncomingMessage) => Principal | Promise<Principal>;

/** Attempts that fail are told of. */
function told(resolve: Resolve, { arrived, attemptFailed }: AuditTrail): Resolve {
  const failed = (req: IncomingMessage, error: unknown): never => {
    if (error instanceof ProtocolError && error.reason === 'UNAUTHENTICATED') {
      const { authorization, 'x-api-key': apiKey } = req.headers;
      attemptFailed(req, authorization === undefined && apiKey === undefined ? 'missing' : 'wrong');
    } else if (error instanceof ProtocolError && error.reason === 'RESOURCE_EXHAUSTED')
      attemptFailed(req, 'turned-away');
    throw error;
  };
  return (req) => {
    try {
      const found = resolve(req);
      if (!(found instanceof Promise)) return found;
      arrived(req);
      return found.catch((error: unknown) => failed(req, error));
    } catch (error) {
      return failed(req, error);
    }
  };
}

/** Who calls is known first: the rate is that of its tier. Nothing is added where there are none. */
function withRates(resolve: Resolve, built: BuiltRates | undefined): Resolve {
  if (built === undefined) return resolve;
  const { rates } = built;
  const admit = (principal: Principal): Principal | Promise<Principal> =>
    rates.admit(principal)?.then(() => principal) ?? principal;
  return (req) => {
    const found = resolve(req);
    return found instanceof Promise ? found.then(admit) : admit(found);
  };
}

function buildWrongCredentials({ log, metrics }: AdmissionOptions): WrongCredentials {
  const mono = (): number => performance.now();
  const isDue = createOnceAMinute(mono);
  return new WrongCredentials({
    mono,
    onTurnedAway: (address) => {
      metrics.credentialsTurnedAway.inc();
      if (isDue(address)) log('credentials_turned_away', { address });
    },
  });
}

async function buildApiKeys(
  path: string,
  { cardRoles, now, log }: AdmissionOptions,
  audit: AuditTrail,
): Promise<ApiKeys> {
  const known = [...new Set([...ROLES, ...cardRoles])];
  const read = (): readonly ApiKeyRow[] => {
    const keys = readApiKeys(path);
    const problems = findUnknownRoles(keys, known);
    if (problems.length > 0) throw new FileProblemsError(problems);
    return keys;
  };
  const reread = await watchFile({
    path,
    read,
    onRead: (keys) => {
      log('api_keys_read', { keys: keys.length });
      audit.keysRead(keys);
    },
    onRefused: (problems) => {
      log('api_keys_refused', { problems });
    },
  });
  const keys = readAtStart('A2A_API_KEYS_FILE', read);
  audit.keysRead(keys);
  if (await isExposed(path)) log('api_keys_exposed', { path });
  return new ApiKeys({ keys, reread, now });
}

async function buildTokens(jwt: JwtConfig, { now, log }: AdmissionOptions): Promise<JwtBearer> {
  const keys = await buildTokenKeys(jwt, now, log);
  // Before the first request asks; it is no reason to wait with the start.
  void keys.refresh();
  const { issuer, audience, algorithms, clockSkewMs, claims } = jwt;
  return new JwtBearer({ rules: { issuer, audience, algorithms, clockSkewMs, claims }, keys, now });
}

async function buildTokenKeys({ source }: JwtConfig, now: () => EpochMs, log: Log): Promise<TokenKeys> {
  if (source.kind === 'url') {
    const news = {
      read: (keys: number) => {
        log('jwt_keys_read', { keys });
      },
      unavailable: (cause: unknown) => {
        log('jwt_keys_unavailable', { origin: new URL(source.url).origin }, cause);
      },
    };
    return new RemoteKeys({ url: new URL(source.url), now, news });
  }
  const reread = await watchFile({
    path: source.path,
    read: readPublicKeys,
    onRead: ({ keys }) => {
      log('jwt_keys_read', { keys: keys.length });
    },
    onRefused: (problems) => {
      log('jwt_keys_refused', { problems });
    },
  });
  const keys = readAtStart('A2A_JWT_JWKS_FILE', () => readPublicKeys(source.path));
  return new FileKeys({ keys, reread, now });
}

/**
 * Reads a file of secrets, whose content the configuration does not keep.
 *
 * @throws {ConfigError} when it is no longer what it was when the configuration was read
 */
export function readAtStart<T>(variable: VariableName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `${variable}: ${problem}`));
  }
}
