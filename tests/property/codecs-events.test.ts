import { ListTasksResponse, SendMessageRequest, StreamResponse } from '@a2a-js/sdk';
import { expect } from 'chai';
import fc from 'fast-check';
import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { Message, StreamEvent, Task, TaskNames, TaskStatus } from '../../protocol/model.ts';
import { TASK_STATES } from '../../protocol/task-state.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { legacyStreamClient } from '../unit/protocol/sdk-clients.ts';
import { id, metadata, v03Message, v1Message } from './messages.ts';

const { v1, v03, v01 } = CODECS;
const TIME = '2026-01-02T03:04:05.678Z';
const IDS = { taskId: 'c.t', contextId: 'c' };

/** The SDK reads `data: null` as no content at all, and loses members called `__proto__`. */
function sdkCanSay(message: Message): boolean {
  const says = message.parts.every((part) => !('data' in part && part.data === null));
  return says && !JSON.stringify(message).includes('"__proto__":');
}

/** 0.3 has a name and a media type for files only. Ours parks the others where ours finds them, not the SDK. */
function v03CanSay({ parts }: Message): boolean {
  return parts.every((part) => 'raw' in part || 'url' in part || !(part.filename ?? part.mediaType));
}

/** As a 1.0 client writes them, and as a 0.3 client does. */
const saidInV1 = v1Message.map((message) => v1.decodeSend({ message }).message).filter(sdkCanSay);
const saidInV03 = v03Message
  .map((message) => v03.decodeSend({ message }).message)
  .filter(sdkCanSay)
  .filter(v03CanSay);

const byAgent = (message: Message): Message => ({ ...message, ...IDS, role: 'ROLE_AGENT' });
const marks = fc.option(
  metadata.filter((given) => !JSON.stringify(given).includes('"__proto__":')) as fc.Arbitrary<JsonObject>,
  { nil: undefined },
);
const without = <T extends object>(members: T) => JSON.parse(JSON.stringify(members)) as T;

function events(said: fc.Arbitrary<Message>): fc.Arbitrary<StreamEvent> {
  const status = fc
    .tuple(fc.constantFrom(...TASK_STATES), fc.option(said, { nil: undefined }))
    .map(([state, message]): TaskStatus =>
      without({ state, timestamp: TIME, ...(message && { message: byAgent(message) }) }),
    );
  const artifact = fc.tuple(id, said).map(([artifactId, { parts }]) => ({ artifactId, parts }));
  const task = fc
    .tuple(status, fc.uniqueArray(artifact, { maxLength: 3, selector: (one) => one.artifactId }), said, marks)
    .map(([at, artifacts, message, meta]): Task =>
      without({
        id: 'c.t',
        contextId: 'c',
        status: at,
        artifacts,
        history: [{ ...message, ...IDS }],
        ...(meta && { metadata: meta }),
      }),
    );
  const of: TaskNames = { dialect: 'v1' };
  return fc.oneof(
    fc.tuple(task, fc.boolean()).map(([shown, final]): StreamEvent => {
      return { kind: 'task', view: { task: shown, ...of }, final };
    }),
    said.map((message): StreamEvent => ({ kind: 'message', message: byAgent(message) })),
    fc.tuple(status, marks, fc.boolean()).map(([at, meta, final]): StreamEvent => {
      return {
        kind: 'statusUpdate',
        update: { ...IDS, status: at, ...(meta && { metadata: meta }) },
        of,
        final,
      };
    }),
    fc
      .tuple(artifact, marks, fc.boolean(), fc.boolean(), fc.nat(9))
      .map(([shown, meta, append, lastChunk, index]): StreamEvent => {
        const update = { ...IDS, artifact: shown, append, lastChunk, ...(meta && { metadata: meta }) };
        return { kind: 'artifactUpdate', update, of, index };
      }),
  );
}

const frameOf = (event: StreamEvent): JsonValue => v1.encodeEvent(event)[0] ?? null;

async function readBySdk(frames: JsonValue[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  const client = legacyStreamClient(() => frames);
  const asked = SendMessageRequest.fromJSON({ message: { messageId: 'm', role: 'ROLE_USER', parts: [] } });
  for await (const event of client.sendMessageStream(asked)) seen.push(StreamResponse.toJSON(event));
  return seen;
}

describe('every event', () => {
  it('is read by the official SDK of 1.0, which writes the same again', () => {
    fc.assert(
      fc.property(events(saidInV1), (event) => {
        const [shown, ...more] = v1.encodeEvent(event);
        expect(more).to.deep.equal([]);
        const again: unknown = JSON.parse(
          JSON.stringify(StreamResponse.toJSON(StreamResponse.fromJSON(shown))),
        );
        expect(again).to.deep.equal(shown);
        expect(Object.keys(shown as object)).to.deep.equal([event.kind]);
      }),
    );
  });

  it('shows a 0.3 client of the official SDK what its 1.0 client sees', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(events(saidInV03), { minLength: 1, maxLength: 4 }), async (told) => {
        const seen = await readBySdk(told.flatMap((event) => v03.encodeEvent(event)));
        expect(seen).to.deep.equal(told.map(frameOf));
      }),
    );
  });

  it('is JSON in every dialect, and in 0.1 nothing but statuses and artifacts, the status last', () => {
    fc.assert(
      fc.property(events(saidInV1), (event) => {
        for (const codec of [v1, v03, v01]) {
          const frames = codec.encodeEvent(event);
          expect(JSON.parse(JSON.stringify(frames))).to.deep.equal(frames);
          expect(frames).to.not.have.length(0);
        }
        const frames = v01.encodeEvent(event) as JsonObject[];
        for (const frame of frames) {
          expect('status' in frame).to.not.equal('artifact' in frame);
          expect('final' in frame).to.equal('status' in frame);
        }
        if (event.kind === 'task') {
          expect(frames).to.have.length(event.view.task.artifacts.length + 1);
          expect(frames.at(-1)).to.include({ final: event.final });
        } else expect(frames).to.have.length(1);
      }),
    );
  });
});

describe('every list of tasks', () => {
  it('is read by the official SDK, which writes the same again but for what is at its default', () => {
    const tasks = fc.array(
      events(saidInV1).filter((event) => event.kind === 'task'),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(tasks, fc.boolean(), fc.nat(), (told, includeArtifacts, totalSize) => {
        const views = told.map(({ view }) => view);
        const page = { tasks: views, nextPageToken: 'next', pageSize: 50, totalSize, includeArtifacts };
        const shown = v1.list?.encode(page) as { tasks: JsonObject[] };
        for (const task of shown.tasks) expect('artifacts' in task).to.equal(includeArtifacts);
        expect(JSON.parse(JSON.stringify(shown))).to.deep.equal(shown);
        const read = ListTasksResponse.fromJSON(shown);
        expect(read).to.include({ nextPageToken: 'next', pageSize: 50, totalSize });
        const again = ListTasksResponse.toJSON(read) as { tasks?: JsonObject[] };
        const expected = shown.tasks.map(({ artifacts, ...task }) =>
          Array.isArray(artifacts) && artifacts.length > 0 ? { ...task, artifacts } : task,
        );
        expect(JSON.parse(JSON.stringify(again.tasks ?? []))).to.deep.equal(expected);
      }),
    );
  });
});
