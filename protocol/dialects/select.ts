import { ProtocolError } from '../errors.ts';
import type { Dialect } from '../model.ts';
import { operationOf, type Operation } from '../operations.ts';

/** What a request is, before its params are looked at. */
export interface Selection {
  /** In whose shape params are read and the answer, or the error, is written. */
  dialect: Dialect;
  /**
   * 0.1 and 0.3 share this method's name and no version was named: params read alike, and the dialect that made the
   * task decides the shape of the answer (`answerDialect`).
   */
  legacy: boolean;
  operation?: Operation;
  error?: ProtocolError;
}

export interface SelectOptions {
  /** Serve a 1.0 method that comes without a version as 1.0, instead of refusing it. */
  lenientVersion: boolean;
}

/** What is offered to who asks for another version. 0.1 is served by method name; it never had a version to name. */
const SUPPORTED = '0.3,1.0';

const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['1.0', 'v1'],
  ['0.3', 'v03'],
  ['0.1', 'v01'],
]);

/** Callers choose methods and versions freely; an answer repeats no more of them than this. */
const ECHO_MAX_CHARS = 64;

function echo(text: string): string {
  return text.slice(0, ECHO_MAX_CHARS).replace(/\p{Surrogate}/gu, '\uFFFD');
}

function unsupported(requested: string, message: string): ProtocolError {
  return new ProtocolError('VERSION_NOT_SUPPORTED', {
    message,
    metadata: { requested: echo(requested), supported: SUPPORTED },
  });
}

function lookUp(method: string, dialect: Dialect): Selection {
  const operation = operationOf(method, dialect);
  if (operation !== undefined) return { dialect, legacy: false, operation };
  return {
    dialect,
    legacy: false,
    error: new ProtocolError('METHOD_NOT_FOUND', { metadata: { method: echo(method) } }),
  };
}

/** No version means 0.3 (A2A 1.0 §3.6.2), and 0.1, which had no versions, goes by its own method names. */
function selectWithoutVersion(method: string, options: SelectOptions): Selection {
  const v03 = operationOf(method, 'v03');
  const v01 = operationOf(method, 'v01');
  if (v03 !== undefined) return { dialect: 'v03', legacy: v03 === v01, operation: v03 };
  if (v01 !== undefined) return { dialect: 'v01', legacy: false, operation: v01 };
  const v1 = operationOf(method, 'v1');
  if (v1 === undefined) return lookUp(method, 'v03');
  if (options.lenientVersion) return { dialect: 'v1', legacy: false, operation: v1 };
  const error = unsupported('', `${method} is a method of A2A 1.0 and needs the header A2A-Version: 1.0`);
  return { dialect: 'v1', legacy: false, error };
}

/**
 * Chooses the dialect of a request. Never throws: an `error` stands beside the dialect in whose shape it goes out.
 * A2A 1.0 §3.6: a version is `Major.Minor`, a patch number is ignored, an empty one is 0.3, any other than ours is
 * refused. Only 1.0 clients know the version error, so it has the shape of 1.0.
 *
 * @param version the `A2A-Version` header, else the query parameter of that name
 */
export function selectDialect(
  method: string,
  version: string | undefined,
  options: SelectOptions,
): Selection {
  const requested = version?.trim() ?? '';
  if (requested === '') return selectWithoutVersion(method, options);
  const majorMinor = /^(\d+\.\d+)(?:\.\d+)?$/.exec(requested)?.[1];
  const dialect = majorMinor === undefined ? undefined : DIALECTS.get(majorMinor);
  if (dialect !== undefined) return lookUp(method, dialect);
  const error = unsupported(
    requested,
    `A2A version ${echo(requested)} is not supported; supported: ${SUPPORTED}`,
  );
  return { dialect: 'v1', legacy: false, error };
}
