/** A manager and a dispatcher on a store, with times that a test can wait for. */
import { expect } from 'chai';
import type { Artifact, Dialect, PushConfig } from '../../../protocol/model.ts';
import type { DurationMs } from '../../../protocol/units.ts';
import { DeliverySlots, type SlotBounds } from '../../../server/a2a/delivery-slots.ts';
import { PushDispatcher } from '../../../server/a2a/push-dispatcher.ts';
import { WebhookSender } from '../../../server/a2a/webhook-sender.ts';
import { UrlGuard } from '../../../server/security/url-guard.ts';
import type { Decide } from '../../../server/sessions/change.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { SYSTEM_CLOCK } from '../../../server/sessions/session-parts.ts';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import type { SessionStore } from '../../../server/sessions/session-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  begin,
  createTestManager,
  HOUR,
  logTo,
  opened,
  refOf,
  type TestManager,
} from '../../helpers/sessions.ts';
import { useReceiver, type Receiver } from './receiver.ts';
import type { Opener } from './stores.ts';

export interface Pushing extends TestManager {
  readonly dispatcher: PushDispatcher;
  readonly counted: Record<string, number>;
}

export interface PushingOptions {
  readonly instance?: string;
  /** Origins that are let through although they are on loopback. */
  readonly allow: readonly string[];
  readonly maxTries?: number;
  readonly backoffMs?: (tries: number) => DurationMs;
  readonly holdMs?: DurationMs;
  readonly ttlMs?: DurationMs;
  readonly timeoutMs?: DurationMs;
  readonly slots?: Partial<SlotBounds>;
}

export function createPushing(store: SessionStore, options: PushingOptions): Pushing {
  const { allow, maxTries = 3, backoffMs = () => 5, holdMs = 1_000, ttlMs = HOUR, timeoutMs = 400 } = options;
  const made = createTestManager(store, {
    clock: SYSTEM_CLOCK,
    ttlMs,
    onDue: (ref) => {
      dispatcher.wake(ref);
    },
    ...(options.instance !== undefined && { instance: options.instance }),
  });
  const counted: Record<string, number> = {};
  const dispatcher = new PushDispatcher({
    sessions: made.manager,
    sender: new WebhookSender({
      guard: new UrlGuard({ allow }),
      timeoutMs,
      userAgent: 'holdfast/test',
      now: () => Date.now(),
    }),
    slots: new DeliverySlots({ total: 32, perOrigin: 8, waitMs: 300, ...options.slots }),
    rules: { maxTries, backoffMs, pauseMaxMs: Math.floor(ttlMs / 3) },
    clock: SYSTEM_CLOCK,
    log: logTo(made.logged),
    counters: {
      webhook: (outcome) => (counted[outcome] = (counted[outcome] ?? 0) + 1),
    },
    ttlMs,
    holdMs,
    pollMs: 20,
  });
  return Object.assign(made, { dispatcher, counted });
}

export const push =
  (
    task: string,
    id: string,
    url: string,
    config: Omit<PushConfig, 'url' | 'id'> = {},
    dialect: Dialect = 'v1',
  ): Decide =>
  (_draft, at) => [
    { t: 'push', at, task, id, config: { url, ...config }, ...(dialect !== 'v1' && { dialect }) },
  ];

export const unpush =
  (task: string, id: string): Decide =>
  (_draft, at) => [{ t: 'unpush', at, task, id }];

/** A status that says something, so that each can be told from the others. */
export const status =
  (
    task: string,
    text: string,
    state: 'TASK_STATE_WORKING' | 'TASK_STATE_COMPLETED' = 'TASK_STATE_WORKING',
  ): Decide =>
  (_draft, at) => [
    { t: 'status', at, task, state, message: { messageId: text, role: 'ROLE_AGENT', parts: [{ text }] } },
  ];

export const chunk =
  (task: string, artifact: Artifact, how: { append?: true; last?: boolean } = {}): Decide =>
  (_draft, at) => [{ t: 'artifact', at, task, artifact, ...how }];

/** A session with a task and a webhook, pinned. */
export async function withWebhook(
  { manager }: TestManager,
  url: string,
  options: { ref?: SessionRef; config?: Omit<PushConfig, 'url' | 'id'>; dialect?: Dialect } = {},
): Promise<LiveSession> {
  const session = await opened(manager, options.ref ?? refOf());
  await session.change(begin('t1', 'go'));
  await session.change(push('t1', 'w1', url, options.config, options.dialect));
  return session;
}

/** The texts of the statuses that were received as 1.0 events; `artifact <id>` for the others. */
export const told = (received: readonly { body: unknown }[]): string[] =>
  received.map(({ body }) => {
    const { statusUpdate, artifactUpdate } = body as {
      statusUpdate?: { status: { state: string; message?: { parts: { text: string }[] } } };
      artifactUpdate?: { artifact: { artifactId: string } };
    };
    if (artifactUpdate !== undefined) return `artifact ${artifactUpdate.artifact.artifactId}`;
    return statusUpdate?.status.message?.parts[0]?.text ?? statusUpdate?.status.state ?? JSON.stringify(body);
  });

export interface PushingFixture {
  readonly receiver: Receiver;
  /** Another manager and dispatcher, at work. */
  start(options?: Partial<PushingOptions>): Promise<Pushing>;
  /** So many requests have come, or more. */
  receives(count: number): Promise<void>;
  /** Nothing of `s1` is due any more, and nobody is at work on it. */
  isQuiet(pushing: Pushing): Promise<void>;
}

/** Call it in a `describe`: everything that it starts ends with the test. */
export function usePushing(useOpener: () => Opener): PushingFixture {
  const receiver = useReceiver();
  const stores = useOpener();
  let pushings: Pushing[] = [];
  afterEach(async () => {
    for (const { dispatcher, manager } of pushings) {
      await dispatcher.drain(500);
      await manager.close();
    }
    pushings = [];
  });
  return {
    get receiver() {
      return receiver.it;
    },
    async start(options = {}) {
      const pushing = createPushing(await stores.open(), { allow: [receiver.it.origin], ...options });
      pushings.push(pushing);
      pushing.dispatcher.start();
      return pushing;
    },
    receives: (count) =>
      eventually(() => {
        expect(receiver.it.received.length).to.be.at.least(count);
      }),
    isQuiet: (pushing) =>
      eventually(async () => {
        expect(pushing.dispatcher.size).to.equal(0);
        const session = await pushing.manager.openFresh(refOf());
        if (session === undefined) throw new Error('the session is gone');
        const { waiting } = session.journal.session;
        pushing.manager.release(session);
        expect(waiting.size).to.equal(0);
      }),
  };
}
