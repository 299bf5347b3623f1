import { ProtocolError } from '../errors.ts';
import type { Dialect } from '../model.ts';
import { methodName, OPERATION_NAMES, operationOf, type Operation } from '../operations.ts';

/** What a request is, before its params are looked at. */
export interface Selection {
  /** In whose shape params are read and the answer, or the error, is written. */
  readonly dialect: Dialect;
  /**
   * 0.1 and 0.3 share this method's name and no version was named: params read alike, and the dialect that made the
   * task decides the shape of the answer (`answerDialect`).
   */
  readonly legacy: boolean;
  readonly operation?: Operation;
  readonly error?: ProtocolError;
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

/** One for every method of a dialect: the same object each time, so that it also serves as a key. */
function selections(dialect: Dialect, legacy = false): ReadonlyMap<string, Selection> {
  const found = new Map<string, Selection>();
  for (const operation of OPERATION_NAMES) {
    const method = methodName(operation, dialect);
    if (method !== undefined) found.set(method, Object.freeze({ dialect, legacy, operation }));
  }
  return found;
}

const SELECTIONS: Readonly<Record<Dialect | 'legacy', ReadonlyMap<string, Selection>>> = {
  v1: selections('v1'),
  v03: selections('v03'),
  v01: selections('v01'),
  legacy: selections('v03', true),
};

function lookUp(method: string, dialect: Dialect): Selection {
  const known = SELECTIONS[dialect].get(method);
  if (known !== undefined) return known;
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
  if (v03 !== undefined && v03 === v01) return SELECTIONS.legacy.get(method) ?? lookUp(method, 'v03');
  if (v03 !== undefined) return lookUp(method, 'v03');
  if (v01 !== undefined) return lookUp(method, 'v01');
  const v1 = operationOf(method, 'v1');
  if (v1 === undefined) return lookUp(method, 'v03');
  if (options.lenientVersion) return lookUp(method, 'v1');
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
  const plain = version === undefined ? undefined : DIALECTS.get(version);
  if (plain !== undefined) return lookUp(method, plain);
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
