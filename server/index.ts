/** What the package offers: run the server inside another program, and the types that an agent is written against. */
export { AgentLoadError, loadAgent } from './agents/load-agent.ts';
export { createDemoAgent } from './agents/demo-agent.ts';
export { createServer, HoldfastServer } from './app.ts';
export { StartError } from './backend.ts';
export { ConfigError, parseConfig } from './config.ts';
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
export type { ServerAddress, ServerParts, StopReport } from './app.ts';
export type { Config } from './config.ts';
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
