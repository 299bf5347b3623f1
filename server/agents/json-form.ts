/** A2A 1.0 JSON, as in protocol/model.ts. */
import type { Artifact, Message, Part, Task } from '../../protocol/model.ts';
import { LEGACY_KINDS, toSdkContent, toLegacyFile } from './content-forms.ts';
import { copyJson } from './copy-json.ts';
import { addViews, contentName, type ContentName, toViews } from './part-views.ts';

const content = (part: Part): unknown => toSdkContent(part);
const file = (part: Part): unknown => toLegacyFile(part);
const kindOf = (name: ContentName) => (): string => LEGACY_KINDS[name];

const VIEWS = {
  text: toViews({ content, kind: kindOf('text') }),
  raw: toViews({ content, kind: kindOf('raw'), file }),
  url: toViews({ content, kind: kindOf('url'), file }),
  data: toViews({ content, kind: kindOf('data') }),
} as const;

function withViews<T extends Message | Artifact>(holder: T): T {
  for (const part of holder.parts) addViews(part, VIEWS[contentName(part)]);
  return holder;
}

const toMessage = (message: Message): Message => withViews(copyPlain(message) ?? copyJson(message));

/**
 * Of a message with one part that says nothing but a text, and nothing rare: nearly every one. Written out, the copies of
 * all messages have one shape; copied by whatever members there are, each had its own, and the executor's reads of it took
 * the engine's slow way.
 */
function copyPlain(message: Message): Message | undefined {
  const { messageId, parts, role, contextId, taskId, extensions, metadata, referenceTaskIds } = message;
  const [part] = parts;
  if (part === undefined || parts.length > 1 || contextId === undefined || taskId === undefined)
    return undefined;
  if (extensions !== undefined || metadata !== undefined || referenceTaskIds !== undefined) return undefined;
  if (!('text' in part) || part.filename !== undefined || part.mediaType !== undefined) return undefined;
  if (part.metadata !== undefined) return undefined;
  return { messageId, parts: [{ text: part.text }], role, contextId, taskId };
}

function toTask(task: Task): Task {
  const copy = copyJson(task);
  if (copy.status.message !== undefined) withViews(copy.status.message);
  copy.artifacts.forEach(withViews);
  copy.history.forEach(withViews);
  return copy;
}

export const JSON_FORM = { message: toMessage, task: toTask };
