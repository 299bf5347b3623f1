/** A2A 1.0 JSON, as in protocol/model.ts. */
import type { Artifact, Message, Part, Task } from '../../protocol/model.ts';
import { LEGACY_KINDS, toSdkContent, toLegacyFile } from './content-forms.ts';
import { addViews, contentName, type ContentName } from './part-views.ts';

const content = (part: Part): unknown => toSdkContent(part);
const file = (part: Part): unknown => toLegacyFile(part);
const kindOf = (name: ContentName) => (): string => LEGACY_KINDS[name];

const VIEWS = {
  text: { content, kind: kindOf('text') },
  raw: { content, kind: kindOf('raw'), file },
  url: { content, kind: kindOf('url'), file },
  data: { content, kind: kindOf('data') },
} as const;

function withViews<T extends Message | Artifact>(holder: T): T {
  for (const part of holder.parts) addViews(part, VIEWS[contentName(part)]);
  return holder;
}

const toMessage = (message: Message): Message => withViews(structuredClone(message));

function toTask(task: Task): Task {
  const copy = structuredClone(task);
  if (copy.status.message !== undefined) withViews(copy.status.message);
  copy.artifacts.forEach(withViews);
  copy.history.forEach(withViews);
  return copy;
}

export const JSON_FORM = { message: toMessage, task: toTask };
