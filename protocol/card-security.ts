/** How a card says what credentials are taken. A2A 1.0 §4.5, 0.3 §5.5.3 and OpenAPI 3, 0.1 §5.5.3. */
import type { JsonObject } from './units.ts';

/** One way to show a credential. Each alone is enough. */
export type SecurityScheme =
  /** `Authorization: <scheme> <credential>`. */
  | {
      readonly name: string;
      readonly type: 'http';
      readonly scheme: string;
      /** A hint, such as `JWT`. */
      readonly bearerFormat?: string;
      readonly description?: string;
    }
  /** A header of its own. */
  | {
      readonly name: string;
      readonly type: 'apiKey';
      readonly header: string;
      readonly description?: string;
    }
  /** A bearer token of an issuer that says about itself at `url`. */
  | {
      readonly name: string;
      readonly type: 'openIdConnect';
      readonly url: string;
      readonly description?: string;
    };

/** A2A 1.0 tells the kinds apart by the member that holds them. */
function toV1Scheme(scheme: SecurityScheme): JsonObject {
  const about: JsonObject = scheme.description === undefined ? {} : { description: scheme.description };
  if (scheme.type === 'http') return { httpAuthSecurityScheme: { ...about, ...httpMembers(scheme) } };
  if (scheme.type === 'openIdConnect')
    return { openIdConnectSecurityScheme: { ...about, openIdConnectUrl: scheme.url } };
  return { apiKeySecurityScheme: { ...about, location: 'header', name: scheme.header } };
}

/** A2A 0.3 tells them apart by `type`, as OpenAPI does. */
function toV03Scheme(scheme: SecurityScheme): JsonObject {
  const about: JsonObject = scheme.description === undefined ? {} : { description: scheme.description };
  if (scheme.type === 'http') return { ...about, type: 'http', ...httpMembers(scheme) };
  if (scheme.type === 'openIdConnect')
    return { ...about, type: 'openIdConnect', openIdConnectUrl: scheme.url };
  return { ...about, type: 'apiKey', in: 'header', name: scheme.header };
}

function httpMembers({ scheme, bearerFormat }: Extract<SecurityScheme, { type: 'http' }>): JsonObject {
  return bearerFormat === undefined ? { scheme } : { scheme, bearerFormat };
}

type ToWire = (scheme: SecurityScheme) => JsonObject;

const byName = (schemes: readonly SecurityScheme[], toWire: ToWire): JsonObject =>
  Object.fromEntries(schemes.map((scheme) => [scheme.name, toWire(scheme)]));

export function v1Security(schemes: readonly SecurityScheme[]): JsonObject {
  if (schemes.length === 0) return {};
  return {
    securitySchemes: byName(schemes, toV1Scheme),
    // one requirement per scheme: any of them will do, and none has scopes
    securityRequirements: schemes.map(({ name }) => ({ schemes: { [name]: {} } })),
  };
}

export function v03Security(schemes: readonly SecurityScheme[]): JsonObject {
  if (schemes.length === 0) return {};
  return {
    securitySchemes: byName(schemes, toV03Scheme),
    security: schemes.map(({ name }) => ({ [name]: [] })),
  };
}

/** 0.1 has names of schemes only. */
function v01Security(schemes: readonly SecurityScheme[]): JsonObject {
  const names = schemes.map((scheme) => (scheme.type === 'apiKey' ? 'ApiKey' : 'Bearer'));
  return { authentication: { schemes: [...new Set(names)] } };
}

/** All of it at once: `securitySchemes` is one name with two shapes, so that each entry has the members of both. */
export function mergedSecurity(schemes: readonly SecurityScheme[]): JsonObject {
  if (schemes.length === 0) return {};
  return {
    ...v01Security(schemes),
    ...v03Security(schemes),
    ...v1Security(schemes),
    securitySchemes: byName(schemes, (scheme) => ({ ...toV03Scheme(scheme), ...toV1Scheme(scheme) })),
  };
}
