/**
 * What the package offers: a server inside another program, sessions without a server, and the types that agents and
 * records are written against. docs/library.md is the guide, docs/examples has programs that run.
 */
export { AgentLoadError, loadAgent } from './agents/load-agent.ts';
export { createDemoAgent } from './agents/demo-agent.ts';
export { createServer, HoldfastServer } from './app.ts';
export { StartError } from './backend.ts';
export { openSessions } from './build-library.ts';
export { ConfigError, parseConfig } from './config.ts';
export { A2ASessionManager } from './sessions/session-manager.ts';
export { SessionDamagedError, StoreUnavailableError } from './sessions/session-store.ts';
export { ProtocolError } from '../protocol/errors.ts';
export type {
  AgentEvent,
  AgentExecutor,
  BusListener,
  CallView,
  EventBus,
  EventName,
  ForeignExecutor,
  RequestContext,
  SendRequest,
  SessionView,
} from './agents/agent-executor.ts';
export type { AgentFormat } from './agents/agent-format.ts';
export type { AgentAbout } from './build-about.ts';
export type { ServerAddress, ServerParts } from './app.ts';
export type { StopReport } from './backend.ts';
export type { OpenSessions, SessionsParts } from './build-library.ts';
export type { Config } from './config.ts';
export type { LogDestination } from './observability/logger.ts';
export type { ChangeOptions, ChangeOutcome, Decide } from './sessions/change.ts';
export type { LiveSession } from './sessions/live-session.ts';
export type { RecordBody, StoredMessage } from './sessions/records.ts';
export type { OpenMode } from './sessions/session-manager.ts';
export type { SessionManagerOptions } from './sessions/session-manager-options.ts';
export type { SessionRef } from './sessions/session-ref.ts';
export type { SessionStore } from './sessions/session-store.ts';
export type { Session } from './sessions/session.ts';
export type { TaskFold } from './sessions/task-fold.ts';
export type {
  Artifact,
  Message,
  Part,
  Task,
  TaskArtifactUpdate,
  TaskStatus,
  TaskStatusUpdate,
} from '../protocol/model.ts';
export type { TaskState } from '../protocol/task-state.ts';
