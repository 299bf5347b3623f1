/** What is logged of several processes that share the port (A2A_WORKERS). A part of {@link LOG_EVENTS}. */
export const WORKER_LOG_EVENTS = {
  worker_listening: {
    level: 'info',
    meaning: 'one of several workers takes requests; `server_listening` follows once all of them do',
    action: 'Nothing.',
  },
  worker_died: {
    level: 'error',
    meaning: 'a worker ended without being asked to by the primary process',
    action:
      'Another one takes its place after `restartInMs`; its tasks are settled like those of any dead instance. Look for `server_crashed` with its number, or for who killed it.',
  },
  worker_killed: {
    level: 'error',
    meaning: 'a worker did not end within the drain time and some more, and was killed',
    action: 'Look at the agent: it blocks the event loop. Acknowledged records may be lost.',
  },
  workers_given_up: {
    level: 'fatal',
    meaning:
      'a worker died again and again soon after its start; the others are stopped and the process ends with exit code 1',
    action: 'Look at `worker_died` and `server_crashed` before it.',
  },
  primary_gone: {
    level: 'error',
    meaning: 'the primary process is gone; this worker finishes what runs and ends',
    action: 'Start the server again, and look for who killed the primary process.',
  },
} as const;
