/**
 * Parts as 0.3 (§6.5) and 0.1 (§6.5) have them, from and to the parts of 1.0. What has no home in them is parked in
 * the part's metadata, under names nobody else uses, and taken out again when it comes back.
 */
import { z } from 'zod';
import type { Part } from '../model.ts';
import type { JsonObject, JsonValue } from '../units.ts';
import { apply } from './decode.ts';
import { base64, jsonObject, jsonObjectOrList, metadata, nonEmptyText, optional, text } from './fields.ts';
import { isJsonObject } from './json.ts';
import { present, unlessEmpty } from './present.ts';

/** Only file parts have a name in 0.x. */
export const PARKED_FILENAME = 'holdfast/filename';
/** Only file parts have a media type in 0.x. */
export const PARKED_MEDIA_TYPE = 'holdfast/mediaType';
/** A file part of 0.1 with neither content nor address (0.1 §6.6): kept as `data: null` with this mark. */
export const FILE_REFERENCE = 'holdfast/fileReference';
/** `data` that is no object, as `{value: …}`. The mark is that of the official SDKs, which unwrap it as well. */
export const WRAPPED_DATA = 'data_part_compat';

/** What differs between the two dialects. */
export interface LegacyPartRules {
  /** The member that says which kind of part it is. */
  readonly tag: 'kind' | 'type';
  /** The first 0.1 clients left the tag out. */
  readonly tagOptional: boolean;
  /** A file part may name a file without its content or address. */
  readonly bareFiles: boolean;
  /** `data` may be a list. */
  readonly dataLists: boolean;
}

const KINDS = ['text', 'file', 'data'] as const;
type Kind = (typeof KINDS)[number];

function isKind(value: unknown): value is Kind {
  return KINDS.some((kind) => kind === value);
}

/** Moves what was parked in metadata back to where it belongs. */
function unpark(parked: JsonObject | undefined): {
  filename?: string;
  mediaType?: string;
  metadata?: JsonObject;
} {
  if (parked === undefined) return {};
  const { [PARKED_FILENAME]: filename, [PARKED_MEDIA_TYPE]: mediaType, ...rest } = parked;
  if (typeof filename !== 'string' && filename !== undefined) rest[PARKED_FILENAME] = filename;
  if (typeof mediaType !== 'string' && mediaType !== undefined) rest[PARKED_MEDIA_TYPE] = mediaType;
  return present({
    filename: typeof filename === 'string' ? filename : undefined,
    mediaType: typeof mediaType === 'string' ? mediaType : undefined,
    metadata: unlessEmpty(rest),
  });
}

function park(part: Part): JsonObject {
  return {
    ...part.metadata,
    ...present({ [PARKED_FILENAME]: part.filename, [PARKED_MEDIA_TYPE]: part.mediaType }),
  };
}

/** What `data` may be as it is. */
function standsBare(data: JsonValue, rules: LegacyPartRules): boolean {
  return isJsonObject(data) || (rules.dataLists && Array.isArray(data));
}

/** Only what we would have wrapped is unwrapped: an object with the same looks is the caller's own. */
function unwrap(
  data: JsonObject | JsonValue[],
  marks: JsonObject | undefined,
  rules: LegacyPartRules,
): { data: JsonValue; marks?: JsonObject } {
  if (marks?.[WRAPPED_DATA] === true && isJsonObject(data) && Object.keys(data).length === 1) {
    const rest = Object.fromEntries(Object.entries(marks).filter(([key]) => key !== WRAPPED_DATA));
    const value = data['value'];
    if (value !== undefined && !standsBare(value, rules)) return { data: value, marks: rest };
  }
  return present({ data, marks });
}

const textPart = z
  .object({ text, metadata })
  .transform((part): Part => ({ text: part.text, ...unpark(part.metadata) }));

function dataPart(rules: LegacyPartRules) {
  return z
    .object({ data: rules.dataLists ? jsonObjectOrList : jsonObject, metadata })
    .transform((part): Part => {
      const { data, marks } = unwrap(part.data, part.metadata, rules);
      return { data, ...unpark(marks) };
    });
}

const file = z.object({
  name: optional(text),
  mimeType: optional(text),
  bytes: optional(base64),
  /** What the samples of both specifications call `bytes`, and some clients after them. */
  data: optional(base64),
  uri: optional(nonEmptyText),
});

function filePart(rules: LegacyPartRules) {
  return z.object({ file, metadata }).transform((part, ctx): Part => {
    const { name, mimeType, uri } = part.file;
    const bytes = part.file.bytes ?? part.file.data;
    const named = present({ filename: name, mediaType: mimeType, metadata: part.metadata });
    const contents = [part.file.bytes, part.file.data, uri].filter((content) => content !== undefined);
    if (contents.length === 0 && rules.bareFiles) {
      return { data: null, ...named, metadata: { ...part.metadata, [FILE_REFERENCE]: true } };
    }
    if (contents.length !== 1) {
      const fault = contents.length === 0 ? 'must have bytes or uri' : 'must have only one of bytes and uri';
      ctx.addIssue({ code: 'custom', message: fault, path: ['file'], input: part.file });
      return z.NEVER;
    }
    if (bytes !== undefined) return { raw: bytes, ...named };
    return { url: uri ?? '', ...named };
  });
}

/** The schema of one part. A member that is not of the part's kind is an unknown field, and ignored. */
export function legacyPart(rules: LegacyPartRules) {
  const schemas = { text: textPart, file: filePart(rules), data: dataPart(rules) } satisfies Record<
    Kind,
    z.ZodType
  >;
  return z
    .custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
      error: 'must be an object',
    })
    .transform((part, ctx): Part => {
      const kind = kindOf(part, rules);
      if (!isKind(kind.value)) {
        ctx.addIssue({ code: 'custom', message: kind.fault, path: kind.path, input: part });
        return z.NEVER;
      }
      const result = apply(schemas[kind.value], part);
      if (result.success) return result.data;
      for (const { message, path } of result.error.issues) {
        ctx.addIssue({ code: 'custom', message, path, input: part });
      }
      return z.NEVER;
    });
}

function kindOf(
  part: object,
  { tag, tagOptional }: LegacyPartRules,
): { value: unknown; fault: string; path: string[] } {
  const value: unknown = Reflect.get(part, tag) ?? undefined;
  const list = KINDS.join(', ');
  if (value !== undefined) return { value, fault: `must be one of ${list}`, path: [tag] };
  if (!tagOptional) return { value, fault: `is required: one of ${list}`, path: [tag] };
  const found = KINDS.filter((kind) => (Reflect.get(part, kind) ?? undefined) !== undefined);
  return found.length === 1
    ? { value: found[0], fault: '', path: [] }
    : { value, fault: `must have a type, or one of ${list}`, path: [] };
}

/** @returns a part as 0.3 or 0.1 clients know it */
export function toLegacyPart(part: Part, rules: LegacyPartRules): JsonObject {
  const { tag, bareFiles } = rules;
  if ('text' in part) {
    return { [tag]: 'text', text: part.text, ...present({ metadata: unlessEmpty(park(part)) }) };
  }
  if ('data' in part) {
    const { [FILE_REFERENCE]: reference, ...rest } = part.metadata ?? {};
    if (bareFiles && reference === true && part.data === null) return toFile(tag, part, {}, rest);
    const bare = standsBare(part.data, rules);
    const marks = { ...park(part), ...(bare ? {} : { [WRAPPED_DATA]: true }) };
    const data = bare ? part.data : { value: part.data };
    return { [tag]: 'data', data, ...present({ metadata: unlessEmpty(marks) }) };
  }
  const content = 'raw' in part ? { bytes: part.raw } : { uri: part.url };
  return toFile(tag, part, content, part.metadata);
}

function toFile(tag: string, part: Part, content: JsonObject, marks: JsonObject | undefined): JsonObject {
  return {
    [tag]: 'file',
    file: { ...present({ name: part.filename, mimeType: part.mediaType }), ...content },
    ...present({ metadata: unlessEmpty(marks) }),
  };
}
