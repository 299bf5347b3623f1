import { z } from 'zod';
import { apply, decode } from '../../protocol/dialects/decode.ts';
import * as fields from '../../protocol/dialects/fields.ts';
import { isJsonObject } from '../../protocol/dialects/json.ts';
import { present } from '../../protocol/dialects/present.ts';
import { unsetWhenEmpty } from '../../protocol/dialects/proto-json.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Artifact, Message, Part } from '../../protocol/model.ts';
import { TASK_STATES } from '../../protocol/task-state.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { AgentEvent } from './agent-executor.ts';

/** An agent published something that is no event of A2A. `message` says what is wrong with it, and nothing of its content. */
export class InvalidAgentEventError extends Error {
  override readonly name = 'InvalidAgentEventError';
}

const CONTENTS = ['text', 'raw', 'url', 'data'] as const;
const metadata = fields.optional(z.custom<JsonObject>(isJsonObject, { error: 'must be an object' }));
const shortText = unsetWhenEmpty(z.string());

/** Half a surrogate pair is text here: an answer that is streamed may be cut anywhere, and JSON carries it. */
const part = z
  .object({
    text: fields.optional(z.string()),
    raw: fields.optional(fields.base64),
    url: fields.optional(z.string().min(1)),
    data: z.custom<JsonValue>().optional(),
    filename: shortText,
    mediaType: shortText,
    metadata,
  })
  .transform((given, ctx): Part => {
    const { text, raw, url, data, ...rest } = given;
    const common = present(rest);
    if (CONTENTS.filter((content) => given[content] !== undefined).length !== 1) {
      ctx.addIssue({ code: 'custom', message: `must have one of ${CONTENTS.join(', ')}`, input: given });
      return z.NEVER;
    }
    if (text !== undefined) return { text, ...common };
    if (raw !== undefined) return { raw, ...common };
    if (url !== undefined) return { url, ...common };
    return { data: data ?? null, ...common };
  });

const strings = fields.optionalListOf(z.string());

const message = z
  .object({
    messageId: fields.id,
    // Its messages are told from the client's by this alone.
    role: z.literal('ROLE_AGENT', { error: 'must be ROLE_AGENT' }),
    parts: z.array(part).min(1),
    referenceTaskIds: strings,
    extensions: strings,
    metadata,
  })
  .transform((given): Message => present(given));

/** @param minParts 0 for a chunk that only says that it was the last */
const artifactOf = (minParts: number) =>
  z
    .object({
      artifactId: fields.id,
      name: shortText,
      description: shortText,
      parts: z.array(part).min(minParts),
      extensions: strings,
      metadata,
    })
    .transform((given): Artifact => present(given));

// Made once: a schema that is built for an event costs more than the rest of its publication.
const wholeArtifact = artifactOf(1);
const artifactChunk = artifactOf(0);

const status = z
  .object({ state: z.enum(TASK_STATES), message: fields.optional(message) })
  .transform((given) => ({ ...present(given), timestamp: '' }));

const home = { taskId: fields.optional(z.string()), contextId: fields.optional(z.string()) };
const chunk = { append: fields.optional(z.boolean()), lastChunk: fields.optional(z.boolean()) };

const artifactUpdate = z
  .object({ ...home, ...chunk, artifact: z.unknown(), metadata })
  .transform((given, ctx) => {
    const read = apply(given.append === true ? artifactChunk : wholeArtifact, given.artifact);
    if (read.success) return present({ ...given, artifact: read.data });
    for (const issue of read.error.issues)
      ctx.addIssue({ ...issue, code: 'custom', path: ['artifact', ...issue.path], input: given });
    return z.NEVER;
  });

const SHAPES = {
  message,
  statusUpdate: z.object({ ...home, status, metadata }).transform(present),
  artifactUpdate,
  task: z
    .object({
      id: fields.optional(z.string()),
      contextId: home.contextId,
      status,
      artifacts: fields.optional(z.array(wholeArtifact)).transform((list) => list ?? []),
      metadata,
    })
    .transform((given) => ({ ...present(given), history: [] })),
} as const;

const isKind = (kind: unknown): kind is keyof typeof SHAPES =>
  typeof kind === 'string' && Object.hasOwn(SHAPES, kind);

/**
 * What an agent published, as the event that it is to be. The result shares nothing with what was given and is what comes
 * back from the store: JSON. Agents may be plain JavaScript, so nothing is taken on trust: a status that no reader
 * knows would damage the session for good.
 *
 * @throws {InvalidAgentEventError}
 */
export function readEvent(given: unknown, ids: { taskId: string; contextId: string }): AgentEvent {
  const plain = toJson(given);
  if (!isJsonObject(plain) || !isKind(plain['kind']))
    throw new InvalidAgentEventError('it is no event of a known kind');
  const { kind, data } = plain;
  let read: object;
  try {
    read = decode<object>(SHAPES[kind], data);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const faults = error.violations.slice(0, 3).map(({ field, description }) => `${field} ${description}`);
    throw new InvalidAgentEventError(`${kind}: ${faults.join('; ')}`);
  }
  checkHome(data as JsonObject, kind === 'task' ? 'id' : 'taskId', ids);
  return { kind, data: { ...read, ...(kind === 'task' ? {} : ids) } } as AgentEvent;
}

function toJson(given: unknown): unknown {
  // Its type forgets what has no JSON at all.
  const stringify: (value: unknown) => string | undefined = JSON.stringify;
  try {
    const json = stringify(given);
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    throw new InvalidAgentEventError('it cannot be written as JSON');
  }
}

/** An event of another task, published here by mistake, must not become part of this one. */
function checkHome(data: JsonObject, taskField: string, ids: { taskId: string; contextId: string }): void {
  for (const [field, own] of [
    [taskField, ids.taskId],
    ['contextId', ids.contextId],
  ] as const) {
    const named = data[field];
    if (typeof named === 'string' && named !== '' && named !== own)
      throw new InvalidAgentEventError(`${field} names another task`);
  }
}
