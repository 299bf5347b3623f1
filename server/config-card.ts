/** What an operator or an agent module says of an agent, as a file or an object. What runs decides the rest of the card. */
import { z } from 'zod';
import { describeIssue } from '../protocol/dialects/decode.ts';
import { jsonObject, listOf, nonEmptyText } from '../protocol/dialects/fields.ts';
import { isExtensionUri } from '../protocol/extensions.ts';
import { isMediaRange } from '../protocol/media-types.ts';
import { parseUrl } from '../protocol/parse-url.ts';

const isHttpUrl = (text: string): boolean => /^https?:$/.test(parseUrl(text)?.protocol ?? '');

const url = nonEmptyText.refine(isHttpUrl, 'must be an http or https URL');
const modes = listOf(
  nonEmptyText.refine(isMediaRange, 'must be a media type such as text/plain, image/* or */*'),
  1,
);

const skill = z.strictObject({
  id: nonEmptyText,
  name: nonEmptyText,
  description: nonEmptyText,
  tags: listOf(nonEmptyText, 1),
  examples: listOf(nonEmptyText, 1).exactOptional(),
  inputModes: modes.exactOptional(),
  outputModes: modes.exactOptional(),
});
const skills = listOf(skill, 1).superRefine((list, ctx) => {
  unique(list, 'id', ctx);
});

const extension = z.strictObject({
  uri: nonEmptyText.refine(
    isExtensionUri,
    'must be an absolute URI of at most 1024 characters, without spaces and commas',
  ),
  description: nonEmptyText.exactOptional(),
  required: z.boolean().exactOptional(),
  params: jsonObject.exactOptional(),
});

const extended = z
  .strictObject({
    description: nonEmptyText.exactOptional(),
    skills: skills.exactOptional(),
    roles: listOf(nonEmptyText, 1).exactOptional(),
  })
  .refine(
    (more) => more.description !== undefined || more.skills !== undefined,
    'must have a description or skills',
  );

const cardText = z
  .strictObject({
    name: nonEmptyText.exactOptional(),
    description: nonEmptyText.exactOptional(),
    version: nonEmptyText.exactOptional(),
    provider: z.strictObject({ organization: nonEmptyText, url }).exactOptional(),
    documentationUrl: url.exactOptional(),
    iconUrl: url.exactOptional(),
    skills: skills.exactOptional(),
    defaultInputModes: modes.exactOptional(),
    defaultOutputModes: modes.exactOptional(),
    extensions: listOf(extension, 1)
      .superRefine((list, ctx) => {
        unique(list, 'uri', ctx);
      })
      .exactOptional(),
    extended: extended.exactOptional(),
  })
  .superRefine((card, ctx) => {
    const shown = new Set(card.skills?.map(({ id }) => id));
    card.extended?.skills?.forEach(({ id }, i) => {
      if (shown.has(id))
        ctx.addIssue({
          code: 'custom',
          path: ['extended', 'skills', i, 'id'],
          message: 'is taken in skills',
        });
    });
  });

export type CardText = z.infer<typeof cardText>;

/** Members of an agent card that say what runs. */
const DECIDED = new Set([
  ...['url', 'protocolVersion', 'preferredTransport', 'additionalInterfaces', 'supportedInterfaces'],
  ...['capabilities', 'supportsAuthenticatedExtendedCard', 'signatures', 'authentication'],
  ...['securitySchemes', 'security', 'securityRequirements'],
]);

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly string[] };

export function parseCard(value: unknown): Parsed<CardText> {
  return parseMembers(cardText, value, (at, name) =>
    DECIDED.has(name) ? `${at} is decided by what runs: leave it out` : `${at} is not known`,
  );
}

/**
 * Reads what an agent module says of itself under `card`. It may be there for the agent's own use, in the shape of an
 * SDK: what a card has beside its texts is passed over, and so are members that are empty.
 *
 * @returns undefined when it is no card
 */
export function parseOwnCard(value: unknown): Parsed<CardText> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('name' in value) || typeof value.name !== 'string') return undefined;
  return parseMembers(cardText, pick(value, cardText));
}

/** What a schema knows of a value, and of that what says something. */
function pick(value: unknown, schema: z.ZodType): unknown {
  const inner = schema instanceof z.ZodExactOptional ? (schema.unwrap() as z.ZodType) : schema;
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((entry: unknown) => pick(entry, inner.element as z.ZodType));
  }
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return value;
  const known = Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, member]) => {
    const found: unknown = Reflect.get(value, name);
    const isEmpty = found === undefined || found === null || found === '';
    return isEmpty || (Array.isArray(found) && found.length === 0) ? [] : [[name, pick(found, member)]];
  });
  return Object.fromEntries(known);
}

function unique<T>(list: readonly T[], member: keyof T & string, ctx: z.core.$RefinementCtx): void {
  const seen = new Set<unknown>();
  list.forEach((entry, i) => {
    if (seen.has(entry[member]))
      ctx.addIssue({ code: 'custom', path: [i, member], message: 'is taken by an earlier entry' });
    seen.add(entry[member]);
  });
}

/**
 * Applies a schema to what a file holds.
 *
 * @param unknown what to say of a member that the schema does not have, given its path and its name
 */
export function parseMembers<T>(
  schema: z.ZodType<T>,
  value: unknown,
  unknown: (at: string, name: string) => string = (at) => `${at} is not known`,
): Parsed<T> {
  const result = schema.safeParse(value, { error: describeIssue });
  if (result.success) return { value: result.data };
  const problems = result.error.issues.flatMap((issue) => {
    const at = pathOf(issue.path);
    if (issue.code !== 'unrecognized_keys') return [at === '' ? issue.message : `${at} ${issue.message}`];
    return issue.keys.map((name) => unknown(pathOf([...issue.path, name]), name));
  });
  return { problems };
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((at, key) => {
    if (typeof key === 'number') return `${at}[${key}]`;
    // a file may hold anything under any name; a line on a terminal shows a short and printable one
    const name = String(key)
      .replace(/[^\w.:-]/g, '?')
      .slice(0, 64);
    return at === '' ? name : `${at}.${name}`;
  }, '');
}
