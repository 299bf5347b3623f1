import { LRUCache } from 'lru-cache';
import type { A2AParts } from './a2a-parts.ts';
import type { A2AOperations } from './call.ts';
import { cancelTask } from './cancel-task.ts';
import { getTask } from './get-task.ts';
import { listTasks } from './list-tasks.ts';
import { OpenStreams } from './open-streams.ts';
import { PageTokens } from './page-token.ts';
import { createPushConfig, deletePushConfig, getPushConfig, listPushConfigs } from './push-configs.ts';
import { Reaper } from './reaper.ts';
import { sendMessage } from './send-message.ts';
import { sendStreamingMessage } from './send-streaming-message.ts';
import { SharedLooks } from './shared-looks.ts';
import { subscribeToTask } from './subscribe-to-task.ts';

const ALIAS_HINTS_MAX = 10_000;

/** The operations of A2A on the sessions of this process. */
export class A2AService implements A2AOperations {
  readonly sendMessage: A2AOperations['sendMessage'];
  readonly sendStreamingMessage: A2AOperations['sendStreamingMessage'];
  readonly getTask: A2AOperations['getTask'];
  readonly listTasks: A2AOperations['listTasks'];
  readonly cancelTask: A2AOperations['cancelTask'];
  readonly subscribeToTask: A2AOperations['subscribeToTask'];
  readonly createPushConfig: A2AOperations['createPushConfig'];
  readonly getPushConfig: A2AOperations['getPushConfig'];
  readonly listPushConfigs: A2AOperations['listPushConfigs'];
  readonly deletePushConfig: A2AOperations['deletePushConfig'];

  /** Those that are open now. */
  readonly streams = new OpenStreams();
  /** Not started. */
  readonly reaper: Reaper;

  constructor(given: Omit<A2AParts, 'aliasHints' | 'streams' | 'looks' | 'pageTokens'>) {
    const { streams } = this;
    const looks = new SharedLooks();
    const aliasHints: A2AParts['aliasHints'] = new LRUCache({ max: ALIAS_HINTS_MAX });
    const { sessions, clock } = given;
    const pageTokens = new PageTokens(sessions.registry, () => clock.mono());
    const parts: A2AParts = { ...given, aliasHints, streams, looks, pageTokens };
    this.reaper = new Reaper(parts);
    this.sendMessage = (params, call) => sendMessage(parts, params, call);
    this.sendStreamingMessage = (params, call) => sendStreamingMessage(parts, params, call);
    this.getTask = (params, call) => getTask(parts, params, call);
    this.listTasks = (params, call) => listTasks(parts, params, call);
    this.cancelTask = (params, call) => cancelTask(parts, params, call);
    this.subscribeToTask = (params, call) => subscribeToTask(parts, params, call);
    this.createPushConfig = (params, call) => createPushConfig(parts, params, call);
    this.getPushConfig = (params, call) => getPushConfig(parts, params, call);
    this.listPushConfigs = (params, call) => listPushConfigs(parts, params, call);
    this.deletePushConfig = (params, call) => deletePushConfig(parts, params, call);
  }
}
