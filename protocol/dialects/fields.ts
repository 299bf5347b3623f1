/** The rules that fields share, whichever dialect they come in. Bounds are the same for all of them. */
import { z } from 'zod';
import type { Bytes, JsonObject, JsonValue } from '../units.ts';
import { findJsonFault, ILL_FORMED, isJsonObject, isWellFormed } from './json.ts';
import { unlessEmpty } from './present.ts';

export const MAX_ID_BYTES: Bytes = 256;
/** A task id is a session id, a dot and 22 characters. */
export const MAX_TASK_ID_BYTES: Bytes = MAX_ID_BYTES + 1 + 22;
export const MAX_METADATA_BYTES: Bytes = 64 * 1024;
/** Opaque to clients, who bring back what they were given. */
export const MAX_PAGE_TOKEN_BYTES: Bytes = 4_096;
export const MAX_PAGE_SIZE = 100;
export const MAX_PARTS = 256;
export const MAX_REFERENCES = 32;
/** Extensions, output modes: enough for any, and a bound on how many faults one can have. */
export const MAX_LIST = 256;
export const MAX_COUNT = 2 ** 31 - 1;

export const text = z.string().refine(isWellFormed, ILL_FORMED);

/** Text that says something: a URL, a scheme. */
export const nonEmptyText = text.min(1);

/** Text of which a rule says the first thing that is wrong, in words to be read behind the name of the field. */
export function textWithout(findFault: (value: string) => string | undefined) {
  return text.check((ctx) => {
    const fault = findFault(ctx.value);
    if (fault !== undefined) ctx.issues.push({ code: 'custom', message: fault, input: ctx.value });
  });
}

export function findSizeFault(value: string, maxBytes: Bytes): string | undefined {
  // A character takes 1 to 3 bytes, so that most need no count.
  return value.length * 3 > maxBytes && Buffer.byteLength(value) > maxBytes
    ? `must be at most ${maxBytes} bytes of UTF-8`
    : undefined;
}

export const pageToken = textWithout((value) => findSizeFault(value, MAX_PAGE_TOKEN_BYTES));

/** What keeps a text from being an id, in words to be read behind the name of the field. */
export function findIdFault(id: string, maxBytes: Bytes): string | undefined {
  if (id === '') return 'must not be empty';
  const tooLong = findSizeFault(id, maxBytes);
  if (tooLong !== undefined) return tooLong;
  return /\p{Control}/u.test(id) ? 'must not contain control characters' : undefined;
}

/** An id of a message, a session or a webhook, or a task id that a 0.1 client chose. */
export const id = textWithout((value) => findIdFault(value, MAX_ID_BYTES));
export const taskId = textWithout((value) => findIdFault(value, MAX_TASK_ID_BYTES));

/** A field that may be left out. `null` leaves it out too: ProtoJSON says so for 1.0, the 0.1 schema by `| null`. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A string of which the empty one is the unset one: in 1.0 there is no field presence, and encoders print defaults. */
export function unsetWhenEmpty<T extends z.ZodType<string, string>>(schema: T) {
  return z.preprocess((value) => (value === '' ? undefined : value), optional(schema));
}

/** A list of bounded length. zod judges the length first, so that a million bad entries are one fault. */
export function listOf<T extends z.ZodType>(element: T, min: number, max: number = MAX_LIST) {
  return z.array(element).min(min).max(max);
}

/** A list that may be left out, which is what an empty one says as well. */
export function optionalListOf<T extends z.ZodType>(element: T, max: number = MAX_LIST) {
  return optional(listOf(element, 0, max)).transform((list) => unlessEmpty(list));
}

/** Any JSON value that can be stored as it is. `null` is one. */
export const json = z.custom<JsonValue>().check(jsonOnly);

function jsonOnly(ctx: z.core.ParsePayload): void {
  const fault = findJsonFault(ctx.value);
  if (fault === undefined) return;
  ctx.issues.push({ code: 'custom', message: fault.description, path: fault.path, input: ctx.value });
}

export const jsonObject = z
  .custom<JsonObject>(isJsonObject, {
    error: (issue) => (issue.input === undefined ? 'is required' : 'must be an object'),
  })
  .check(jsonOnly);

/** `data` of 0.1, which may be a list. */
export const jsonObjectOrList = z
  .custom<JsonObject | JsonValue[]>((value) => Array.isArray(value) || isJsonObject(value), {
    error: (issue) => (issue.input === undefined ? 'is required' : 'must be an object or a list'),
  })
  .check(jsonOnly);

export const metadata = optional(
  jsonObject.refine(fitsMetadata, `must be at most ${MAX_METADATA_BYTES} bytes of JSON`),
).transform((value) => unlessEmpty(value));

function fitsMetadata(value: JsonObject): boolean {
  return findSizeFault(JSON.stringify(value), MAX_METADATA_BYTES) === undefined;
}

function integer(min: number, max: number) {
  return (
    z
      .custom<number>((value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max, {
        error: `must be an integer from ${min} to ${max}`,
      })
      // -0 passes for 0 in every comparison, but not in `slice(-n)` nor in deep equality
      .transform((value) => (value === 0 ? 0 : value))
  );
}

/** How many messages of history: 0 is none, and absent is for the dialect to say. Any int32 but a negative one. */
export const count = integer(0, MAX_COUNT);
/** A2A 1.0 §3.1.4. */
export const pageSize = integer(1, MAX_PAGE_SIZE);

/** Standard base64 with padding, made of any base64 that RFC 4648 knows: the URL alphabet, and without padding. */
export const base64 = z.string().transform((value, ctx) => {
  const standard = toStandardBase64(value);
  if (standard !== undefined) return standard;
  ctx.addIssue({ code: 'custom', message: 'must be base64', input: value });
  return z.NEVER;
});

function toStandardBase64(value: string): string | undefined {
  const padding = /={1,2}$/.exec(value)?.[0].length ?? 0;
  const digits = value.length - padding;
  if (digits % 4 === 1 || (padding > 0 && value.length % 4 !== 0)) return undefined;
  const body = value.slice(0, digits);
  if (/[^A-Za-z0-9+/_-]/.test(body)) return undefined;
  const standard = /[_-]/.test(body) ? body.replaceAll('-', '+').replaceAll('_', '/') : body;
  const whole = digits - (digits % 4);
  // through bytes and back: strict decoders refuse a last digit with bits that belong to no byte
  return standard.slice(0, whole) + Buffer.from(standard.slice(whole), 'base64').toString('base64');
}
