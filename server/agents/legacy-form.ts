/** The objects of the 0.3 line of `@a2a-js/sdk`: told apart by `kind`, optional members left out. */
import { isJsonObject } from '../../protocol/dialects/json.ts';
import type { Artifact, Message, Part, Task } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { type LegacyFile, toLegacyFile, toSdkContent } from './content-forms.ts';
import { copyJson } from './copy-json.ts';
import { LEGACY_ROLES, LEGACY_STATES } from './event-values.ts';
import { addViews, toViews } from './part-views.ts';

interface LegacyPart {
  kind: 'text' | 'file' | 'data';
  text?: string;
  file?: LegacyFile;
  data?: JsonValue;
  metadata?: JsonObject;
}

const fileViews = toViews({
  raw: ({ file }: LegacyPart) => file?.bytes,
  url: ({ file }: LegacyPart) => file?.uri,
  filename: ({ file }: LegacyPart) => file?.name,
  mediaType: ({ file }: LegacyPart) => file?.mimeType,
  content: ({ file }: LegacyPart) =>
    toSdkContent(file?.bytes === undefined ? { url: file?.uri ?? '' } : { raw: file.bytes }),
});

function toPart(part: Part): LegacyPart {
  const { filename, mediaType } = part;
  const metadata = part.metadata && { metadata: copyJson(part.metadata) };
  const file = toLegacyFile(part);
  if (file !== undefined) return addViews<LegacyPart>({ kind: 'file', file, ...metadata }, fileViews);
  const named = { filename: () => filename, mediaType: () => mediaType };
  if ('text' in part) {
    const content = ({ text = '' }: LegacyPart): unknown => toSdkContent({ text });
    return addViews<LegacyPart>(
      { kind: 'text', text: part.text, ...metadata },
      toViews({ ...named, content }),
    );
  }
  // `data` of 0.3 is an object.
  const given = 'data' in part ? copyJson(part.data) : null;
  const data = isJsonObject(given) ? given : { value: given };
  const content = (shown: LegacyPart): unknown => toSdkContent({ data: shown.data ?? null });
  return addViews<LegacyPart>({ kind: 'data', data, ...metadata }, toViews({ ...named, content }));
}

function toMessage(message: Message): object {
  const { role, parts, ...rest } = copyJson(message);
  return { kind: 'message', ...rest, role: LEGACY_ROLES[role], parts: parts.map(toPart) };
}

function toArtifact(artifact: Artifact): object {
  const { parts, ...rest } = copyJson(artifact);
  return { ...rest, parts: parts.map(toPart) };
}

function toTask(task: Task): object {
  const { id, contextId, metadata, status } = task;
  const { state, message, timestamp } = status;
  return {
    kind: 'task',
    id,
    contextId,
    status: { state: LEGACY_STATES[state], timestamp, ...(message && { message: toMessage(message) }) },
    artifacts: task.artifacts.map(toArtifact),
    history: task.history.map(toMessage),
    ...(metadata && { metadata: copyJson(metadata) }),
  };
}

export const LEGACY_FORM = {
  message: (message: Message) => toMessage(message) as Message,
  task: (task: Task) => toTask(task) as Task,
};
