/** The protobuf objects of `@a2a-js/sdk` 1.x: every member is there, enumerations are numbers, content is a tagged union. */
import type { Artifact, Message, Part, Task } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import { LEGACY_KINDS, type SdkContent, toSdkContent } from './content-forms.ts';
import { copyJson } from './copy-json.ts';
import { ROLE_NUMBERS, STATE_NUMBERS } from './event-values.ts';
import { addViews, contentName, toViews } from './part-views.ts';

interface SdkPart {
  content: SdkContent | undefined;
  metadata: JsonObject | undefined;
  filename: string;
  mediaType: string;
}

const valueIf =
  (...names: readonly SdkContent['$case'][]) =>
  ({ content }: SdkPart): unknown =>
    content !== undefined && names.includes(content.$case) ? content.value : undefined;
const base64 = ({ content }: SdkPart): string | undefined =>
  content?.$case === 'raw' ? content.value.toString('base64') : undefined;
const kind = ({ content }: SdkPart): string | undefined => content && LEGACY_KINDS[content.$case];
const file = (part: SdkPart): object => {
  const { filename, mediaType } = part;
  const named = {
    ...(filename !== '' && { name: filename }),
    ...(mediaType !== '' && { mimeType: mediaType }),
  };
  return part.content?.$case === 'url'
    ? { uri: part.content.value, ...named }
    : { bytes: base64(part), ...named };
};

const VIEWS = {
  text: toViews({ text: valueIf('text'), kind }),
  raw: toViews({ raw: base64, kind, file }),
  url: toViews({ url: valueIf('url'), kind, file }),
  data: toViews({ data: valueIf('data'), kind }),
} as const;

function toPart(part: Part): SdkPart {
  const { filename = '', mediaType = '' } = part;
  const shown = {
    content: toSdkContent(part),
    metadata: copyJson(part.metadata),
    filename,
    mediaType,
  };
  return addViews(shown, VIEWS[contentName(part)]);
}

function toMessage(message: Message): object {
  const { messageId, contextId = '', taskId = '', extensions = [], referenceTaskIds = [] } = message;
  return {
    messageId,
    contextId,
    taskId,
    role: ROLE_NUMBERS[message.role],
    parts: message.parts.map(toPart),
    metadata: copyJson(message.metadata),
    extensions: [...extensions],
    referenceTaskIds: [...referenceTaskIds],
  };
}

function toArtifact(artifact: Artifact): object {
  const { artifactId, name = '', description = '', extensions = [] } = artifact;
  return {
    artifactId,
    name,
    description,
    parts: artifact.parts.map(toPart),
    metadata: copyJson(artifact.metadata),
    extensions: [...extensions],
  };
}

function toTask(task: Task): object {
  const { state, message, timestamp } = task.status;
  return {
    id: task.id,
    contextId: task.contextId,
    status: { state: STATE_NUMBERS[state], message: message && toMessage(message), timestamp },
    artifacts: task.artifacts.map(toArtifact),
    history: task.history.map(toMessage),
    metadata: copyJson(task.metadata),
  };
}

export const SDK_FORM = {
  message: (message: Message) => toMessage(message) as Message,
  task: (task: Task) => toTask(task) as Task,
};
