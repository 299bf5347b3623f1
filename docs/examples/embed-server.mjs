/**
 * A server inside a program of your own, with an agent of your own. The agent counts what a conversation has asked it;
 * the count is part of the session, so it goes on after a restart.
 *
 *     PORT=41241 node docs/examples/embed-server.mjs
 */
import process from 'node:process';
import { ConfigError, createServer, parseConfig, StartError } from 'holdfast';

const agent = {
  async execute({ taskId, contextId, userMessage, session }, bus) {
    const count = (session.state.get('count') ?? 0) + 1;
    session.state.set('count', count);
    const said = userMessage.parts.map((part) => part.text ?? '').join(' ');
    const artifact = { artifactId: 'answer', parts: [{ text: `${count}: ${said}` }] };
    bus.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact } });
    const status = { state: 'TASK_STATE_COMPLETED', timestamp: new Date().toISOString() };
    bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status } });
  },
};

const about = {
  name: 'Counter',
  description: 'Counts what a conversation has asked it.',
  skills: [{ id: 'count', name: 'Count', description: 'Says the number of each message.', tags: ['demo'] }],
};

try {
  const server = await createServer(parseConfig(process.env), {
    agent,
    about,
    pid: process.pid,
    logDestination: process.stderr,
  });
  const { url } = await server.listen();
  process.stdout.write(`listens on ${url}\n`);

  const stop = async () => {
    // Running requests end, what waits for the store is stored, at most for A2A_DRAIN_SECONDS.
    const { pendingRecords } = await server.close();
    process.exitCode = pendingRecords === 0 ? 0 : 1;
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  // What the operator can mend; anything else is a fault of the program.
  if (!(error instanceof ConfigError) && !(error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
