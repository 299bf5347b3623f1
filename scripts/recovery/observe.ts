import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { Sent } from './conversation.ts';
import type { Door } from './killed-server.ts';
import type { Evidence, TaskSeen } from './recovery-checker.ts';
import { getRequest, post, readTask, sendRequest, type WireRequest } from './wire.ts';

const OBSERVE_DEADLINE_MS: DurationMs = 30_000;
const OBSERVE_AT_ONCE = 16;
const LATER_MS: DurationMs = 50;

/** What the server says now of everything that was acknowledged: `tasks/get` of each task, `recall` in each session. */
export async function observe(
  sent: readonly Sent[],
  door: Door,
): Promise<Pick<Evidence, 'shown' | 'recalled'>> {
  const shown = new Map<string, TaskSeen>();
  const recalled = new Map<string, readonly string[]>();
  const acknowledged = sent.flatMap(({ text, dialect, answer }) =>
    answer === undefined ? [] : [{ text, dialect, answer }],
  );
  await forEach(acknowledged, async ({ text, dialect, answer }) => {
    const task = await ask(door, getRequest(dialect, answer.id));
    if (task !== undefined) shown.set(text, task);
  });
  const contexts = new Set(acknowledged.map(({ answer }) => answer.context));
  await forEach([...contexts], async (context) => {
    const task = await ask(door, sendRequest('v1', `recall-${context}`, 'recall', context));
    const lines = task?.artifacts[0]?.[0];
    if (lines !== undefined) recalled.set(context, lines === '' ? [] : lines.split('\n'));
  });
  return { shown, recalled };
}

/** @returns undefined when the server has no such task, or does not say */
async function ask(door: Door, request: WireRequest): Promise<TaskSeen | undefined> {
  const signal = AbortSignal.timeout(OBSERVE_DEADLINE_MS);
  const url = await door.url(signal);
  while (!signal.aborted) {
    const outcome = await post(url, request, signal);
    door.hasAnswered();
    if (outcome.kind === 'result') return readTask(outcome.result);
    if (outcome.kind === 'refused') return undefined;
    await pause(LATER_MS);
  }
  return undefined;
}

/** A few at a time. */
async function forEach<T>(list: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const rest = list.values();
  const worker = async (): Promise<void> => {
    for (const each of rest) await work(each);
  };
  await Promise.all(Array.from({ length: OBSERVE_AT_ONCE }, worker));
}
