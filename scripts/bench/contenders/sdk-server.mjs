/**
 * A server made with `@a2a-js/sdk`, as its README, its guide to persistent stores and its samples (sample-agent,
 * database-agent) tell a user to write it. It runs from .bench/, where its packages are.
 *
 * DATABASE_FILE: tasks in this SQLite file, in which `a2a-db upgrade` has made the tables; else in memory.
 * BENCH_TASKS: so many tasks are in the store before it listens. BENCH_COUNTED: `/written` tells how many bytes the
 * statements carried to the database.
 */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { A2A_PROTOCOL_VERSION, AGENT_CARD_PATH, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryTaskStore,
  ServerCallContext,
  UnauthenticatedUser,
} from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { chunksIn } from './chunks.mjs';

const { DATABASE_FILE, BENCH_TASKS, BENCH_COUNTED } = process.env;

const card = {
  name: 'Echo',
  description: 'Says what it is told.',
  supportedInterfaces: [
    {
      url: 'http://localhost/',
      protocolBinding: 'JSONRPC',
      tenant: '',
      protocolVersion: A2A_PROTOCOL_VERSION,
    },
  ],
  provider: undefined,
  version: '1.0.0',
  capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ['text'],
  defaultOutputModes: ['text'],
  skills: [],
  documentationUrl: '',
  signatures: [],
};

const status = (state) => ({ state, timestamp: new Date().toISOString(), message: undefined });

const taskOf = (id, contextId, history, state) => ({
  id,
  contextId,
  status: status(state),
  artifacts: [],
  history,
  metadata: undefined,
});

class EchoExecutor {
  cancelTask = async () => undefined;

  async execute({ taskId, contextId, userMessage, task }, eventBus) {
    const text = userMessage.parts[0].content.value;
    const update = (state) =>
      AgentEvent.statusUpdate({ taskId, contextId, status: status(state), metadata: undefined });
    const artifact = (artifactId, value, chunk) => {
      const part = {
        content: { $case: 'text', value },
        metadata: undefined,
        filename: '',
        mediaType: 'text/plain',
      };
      const made = {
        artifactId,
        name: artifactId,
        description: '',
        parts: [part],
        metadata: undefined,
        extensions: [],
      };
      eventBus.publish(
        AgentEvent.artifactUpdate({ taskId, contextId, artifact: made, ...chunk, metadata: undefined }),
      );
    };
    eventBus.publish(
      AgentEvent.task(task ?? taskOf(taskId, contextId, [userMessage], TaskState.TASK_STATE_SUBMITTED)),
    );
    const chunks = chunksIn(text);
    if (chunks === undefined) artifact('echo', `echo: ${text}`, { append: false, lastChunk: true });
    else {
      eventBus.publish(update(TaskState.TASK_STATE_WORKING));
      for await (const { text: chunk, isFirst, isLast } of chunks)
        artifact('chunks', chunk, { append: !isFirst, lastChunk: isLast });
    }
    eventBus.publish(update(TaskState.TASK_STATE_COMPLETED));
  }
}

let written = 0;

/** Text as it is handed to the database: what its pages make of it comes on top. */
function count({ query }) {
  for (const value of query.parameters) if (typeof value === 'string') written += Buffer.byteLength(value);
}

async function openDatabase() {
  const [{ Kysely, SqliteDialect }, { default: Database }, { DatabaseTaskStore }] = await Promise.all([
    import('kysely'),
    import('better-sqlite3'),
    import('@a2a-js/sdk/server/database'),
  ]);
  const dialect = new SqliteDialect({ database: new Database(DATABASE_FILE) });
  return new DatabaseTaskStore(new Kysely({ dialect, ...(BENCH_COUNTED !== undefined && { log: count }) }));
}

const store = DATABASE_FILE === undefined ? new InMemoryTaskStore() : await openDatabase();

if (BENCH_TASKS !== undefined) {
  const context = new ServerCallContext({ user: new UnauthenticatedUser() });
  for (let n = 0; n < Number(BENCH_TASKS); n += 1)
    await store.save(taskOf(`t${n}`, `c${n}`, [], TaskState.TASK_STATE_COMPLETED), context);
}

const requestHandler = new DefaultRequestHandler(card, store, new EchoExecutor());
const app = express();
app.get('/written', (_req, res) => {
  res.json({ written });
});
app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }));
app.use(jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
const server = app.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  process.stdout.write(`${JSON.stringify({ event: 'server_listening', url })}\n`);
});
