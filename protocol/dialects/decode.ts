import type { z } from 'zod';
import { invalidParams, type FieldViolation } from '../errors.ts';

/** How the caller may have spelled a field: as the schema has it, or in the names of the proto file as well. */
export type Spelling = 'exact' | 'proto';

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

/** What is wrong with a field, to be read behind its name. Schemas that know better bring their own words. */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined || issue.input === null) return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${EXPECTED[issue.expected] ?? 'of another type'}`;
    case 'too_small':
      return 'must not be empty';
    case 'too_big':
      return `must have at most ${String(issue.maximum)} entries`;
    default:
      return 'is not valid';
  }
}

const WITH_OUR_WORDS = { error: describeIssue };

/**
 * Applies a schema, without throwing: for schemas that choose another one for what they find inside.
 * @returns the decoded value, or the issues in words of ours
 */
export function apply<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  return schema.safeParse(value, WITH_OUR_WORDS);
}

/** @throws {ProtocolError} INVALID_PARAMS that names every bad field in the caller's own spelling */
export function decode<T>(schema: z.ZodType<T>, params: unknown, spelling: Spelling = 'exact'): T {
  const result = apply(schema, params);
  if (result.success) return result.data;
  throw invalidParams(...result.error.issues.map((issue) => toViolation(issue, params, spelling)));
}

function toViolation(issue: z.core.$ZodIssue, params: unknown, spelling: Spelling): FieldViolation {
  let at = params;
  let field = '';
  for (const segment of issue.path) {
    const key = typeof segment === 'string' && spelling === 'proto' ? givenName(at, segment) : segment;
    field += typeof key === 'number' ? `[${key}]` : `${field === '' ? '' : '.'}${readable(String(key))}`;
    at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  }
  return { field: field === '' ? 'params' : field, description: issue.message };
}

/** `messageId` as `message_id`: the name of a field in the proto file, which ProtoJSON accepts as well. */
export function protoName(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

function givenName(holder: unknown, name: string): string {
  if (typeof holder !== 'object' || holder === null || Object.hasOwn(holder, name)) return name;
  return Object.hasOwn(holder, protoName(name)) ? protoName(name) : name;
}

/** Keys in metadata are the caller's: an answer repeats only so much of one, and only what UTF-8 can carry. */
function readable(key: string): string {
  return key.slice(0, 64).replace(/\p{Surrogate}/gu, '\uFFFD');
}
