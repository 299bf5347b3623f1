import type { SendParams } from '../../../protocol/model.ts';
import type { A2AParts } from '../../../server/a2a/a2a-parts.ts';
import { A2AService } from '../../../server/a2a/a2a-service.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { TaskRunner } from '../../../server/a2a/task-runner.ts';
import { UrlGuard } from '../../../server/security/url-guard.ts';
import type { A2ASessionManager } from '../../../server/sessions/session-manager.ts';
import type { SessionManagerOptions } from '../../../server/sessions/session-manager-options.ts';
import { SYSTEM_CLOCK, type Clock } from '../../../server/sessions/session-parts.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { createTestManager, HOUR } from '../../helpers/sessions.ts';
import { newId } from './conversation.ts';
import { ScriptedAgent } from './scripted-agent.ts';

/** The operations without their doors, so that a test can see what they hold and what is logged. */
export interface Service {
  readonly operations: A2AService;
  readonly manager: A2ASessionManager;
  readonly runner: TaskRunner;
  readonly store: FaultyStore;
  readonly agent: ScriptedAgent;
  readonly logged: readonly { readonly event: string; readonly fields?: object }[];
  /** How far cancels have come, in order. */
  readonly canceled: readonly string[];
}

/** What a test may want to be otherwise. */
export interface ServiceOptions {
  readonly settings?: Partial<A2AParts['settings']>;
  readonly clock?: Clock;
  readonly agent?: ScriptedAgent;
  readonly manager?: Partial<SessionManagerOptions>;
}

export function createService(
  store = new FaultyStore(new MemorySessionStore()),
  instance?: string,
  { settings, clock = SYSTEM_CLOCK, agent = new ScriptedAgent(), manager: over }: ServiceOptions = {},
): Service {
  const { manager, logged } = createTestManager(store, {
    deadMs: 1_000,
    ...over,
    clock,
    ...(instance !== undefined && { instance }),
  });
  const log = (event: string, fields: object = {}): void => {
    (logged as { event: string; fields: object }[]).push({ event, fields });
  };
  const canceled: string[] = [];
  const runner = new TaskRunner({
    agent,
    sessions: manager,
    clock,
    log,
    ttlMs: HOUR,
    ttlRefresh: 'write',
    taskTimeoutMs: 10_000,
    cancelGraceMs: settings?.cancelGraceMs ?? 200,
    onCancel: (state) => {
      canceled.push(state);
    },
  });
  const operations = new A2AService({
    sessions: manager,
    runner,
    urlGuard: new UrlGuard({ allow: [] }),
    clock,
    log,
    onRecovered: () => undefined,
    settings: {
      scope: 'tenant',
      idempotency: 'unanswered',
      idempotencyWindowMs: 600_000,
      blockingMs: 5_000,
      cancelGraceMs: 200,
      ...settings,
    },
  });
  return { operations, manager, runner, store, agent, logged, canceled };
}

export const callOf = (dialect: CallContext['dialect'] = 'v1', legacy = false): CallContext => ({
  requestId: newId('r'),
  principal: { tenant: 'default', subject: 'anonymous', roles: [], tier: 'default' },
  dialect,
  legacy,
});

export const messageOf = (
  text: string,
  over: Partial<SendParams['message']> = {},
  params: Partial<SendParams> = {},
): SendParams => ({
  message: { messageId: newId('m'), role: 'ROLE_USER', parts: [{ text }], ...over },
  blocking: true,
  ...params,
});
