/**
 * Sessions without a server: a notebook whose pages are sessions. Each run adds a note to a page and prints the page as
 * the store has it, earlier runs included. A server on the same store serves the same pages.
 *
 *     node docs/examples/session-notes.mjs shopping milk
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { openSessions, parseConfig } from 'holdfast';

const [page = 'notes', ...words] = process.argv.slice(2);
const { sessions, close } = await openSessions(parseConfig(process.env), { pid: process.pid });

// Pinned in memory until it is released.
const session = await sessions.open({ tenant: 'default', sessionId: page }, 'create');
try {
  if (words.length > 0) {
    const task = randomUUID();
    const message = { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text: words.join(' ') }] };
    // Decided on the session as it is; called again when another process was faster.
    const outcome = await session.change((draft, at) => [
      ...(draft.exists ? [] : [{ t: 'created', at }]),
      { t: 'task', at, task, by: `${sessions.instance}.1` },
      { t: 'message', at, task, message },
      { t: 'status', at, task, state: 'TASK_STATE_COMPLETED' },
    ]);
    process.stdout.write(`${outcome}\n`);
  }
  const { messages, head } = session.view;
  for (const { message } of messages) process.stdout.write(`- ${message.parts[0].text}\n`);
  process.stdout.write(`${page} has ${head} records\n`);
} finally {
  sessions.release(session);
  await close();
}
