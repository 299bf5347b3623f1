/**
 * Every log line the server can write, as data. The runbook lists the same events and a test holds it to this table.
 * Names are stable: subject, then what became of it.
 */
import { ADMISSION_LOG_EVENTS } from './admission-log-events.ts';
import { AUDIT_LOG_EVENTS } from './audit-log-events.ts';
import { ERASURE_LOG_EVENTS } from './erasure-log-events.ts';
import { WORKER_LOG_EVENTS } from './worker-log-events.ts';
import { SEALING_LOG_EVENTS } from './sealing-log-events.ts';

export type LogSeverity = 'fatal' | 'error' | 'warn' | 'info' | 'debug';

interface LogEventRow {
  readonly level: LogSeverity;
  readonly meaning: string;
  /** What an operator does about it. */
  readonly action: string;
}

const NOTHING = 'Nothing.';

export const LOG_EVENTS = {
  server_listening: {
    level: 'info',
    meaning: 'the server takes requests',
    action: 'Nothing. `port` is the real port when PORT is 0.',
  },
  server_draining: {
    level: 'info',
    meaning: 'a stop was asked for; running requests are finished',
    action: 'Nothing. It ends within A2A_DRAIN_SECONDS.',
  },
  server_stopped: {
    level: 'info',
    meaning: 'the server has stopped; everything it could store is stored',
    action:
      'When `pendingRecords` is not 0, that many acknowledged records were lost, unless `keptIn` says where they are: see "Redis is away" in the runbook.',
  },
  server_start_failed: {
    level: 'fatal',
    meaning: 'the server could not start',
    action: 'The line on stderr says what to change.',
  },
  server_crashed: {
    level: 'fatal',
    meaning: 'a fault nobody handled; the process ends with exit code 1',
    action: 'Let it be restarted; sessions are recovered. Report the `error`.',
  },
  ...WORKER_LOG_EVENTS,
  session_compact_failed: {
    level: 'warn',
    meaning: 'superfluous chunks of an ended task could not be deleted; they do no harm',
    action: 'Nothing: it is tried again when the session is loaded next. Report the `error` when it stays.',
  },
  card_url_unreachable: {
    level: 'warn',
    meaning:
      'bound to all addresses without A2A_PUBLIC_URL: the agent card names loopback, which other machines cannot reach',
    action: 'Set A2A_PUBLIC_URL to the URL that clients use.',
  },
  agent_card_ignored: {
    level: 'warn',
    meaning:
      'what the agent says of itself under `card` is not usable; the card has the built-in texts instead',
    action: 'Correct what `problems` names, or describe the agent in A2A_CARD_FILE.',
  },
  ...ADMISSION_LOG_EVENTS,
  ...AUDIT_LOG_EVENTS,
  ...ERASURE_LOG_EVENTS,
  store_unavailable: {
    level: 'error',
    meaning: 'the store is away; requests are answered from memory and records wait',
    action: 'Bring the store back. One line per outage, not per request.',
  },
  store_recovered: {
    level: 'info',
    meaning: 'the store answers again; what waited is being stored',
    action: NOTHING,
  },
  store_connection_error: {
    level: 'debug',
    meaning: 'one attempt to reach the store failed; there are many in one outage',
    action: 'Read it when `store_unavailable` does not say enough.',
  },
  store_may_evict: {
    level: 'warn',
    meaning: 'the store may drop sessions when its memory is full',
    action:
      'Set `maxmemory-policy` to `noeviction`: a full memory is then like an outage, and nothing is lost.',
  },
  store_not_durable: {
    level: 'warn',
    meaning: 'what the store holds does not survive its restart, or not all of it',
    action: 'Set `appendonly` to `yes`, and see "Redis settings" in the runbook.',
  },
  session_persist_failed: {
    level: 'error',
    meaning: 'records of a session could not be stored and wait in memory',
    action: 'See `store_unavailable` beside it. Alone it points at the session that is named.',
  },
  session_rehydrated: {
    level: 'debug',
    meaning: 'a session was loaded from the store into memory',
    action: NOTHING,
  },
  session_gone: {
    level: 'warn',
    meaning: 'a session that was in memory is no longer in the store; the next message starts it anew',
    action: '`why: lost` means that the store lost data (FLUSHALL, an empty restart): check its persistence.',
  },
  store_went_back: {
    level: 'error',
    meaning:
      'the store went back behind what it had acknowledged; `offered` records of this process, not older than a minute, are stored again',
    action:
      'Look for a failover to a lagging replica or a truncated append-only file. `givenUp` records are not here any more: other instances may still offer theirs.',
  },
  outage_journal_read: {
    level: 'warn',
    meaning: 'an earlier process has left acknowledged records in the outage journal; they are pending again',
    action: 'Nothing. They are stored when the store answers.',
  },
  outage_journal_failed: {
    level: 'error',
    meaning:
      'the outage journal cannot be written; what is deferred is kept in memory alone until it can, and requests go on',
    action: 'Look at the disk of A2A_OUTAGE_JOURNAL_DIR: full, or failing. One line until it works again.',
  },
  ...SEALING_LOG_EVENTS,
  records_dropped: {
    level: 'error',
    meaning:
      'acknowledged records that waited for the store are given up, because their session has ended there',
    action:
      '`why` says how it ended. `expired`: the outage was longer than the TTL. `lost`: the store lost data.',
  },
  retire_failed: {
    level: 'error',
    meaning: 'expired sessions could not be taken out of the indexes',
    action: 'Look at the `error`: most often an index key was changed by hand.',
  },
  tenants_failed: {
    level: 'error',
    meaning: 'the list of tenants in the store could not be read or written',
    action: 'Look at the `error`: most often the key `…{reg}:tenants` was changed by hand.',
  },
  answer_mark_failed: {
    level: 'error',
    meaning:
      'that an answer was delivered could not be noted; a repeat of its message gets the same answer again',
    action: 'Look at the `error`.',
  },
  session_renew_failed: {
    level: 'warn',
    meaning: 'the life of a session with a running task could not be renewed',
    action: 'Nothing while the store is away. Else look at the `error`.',
  },
  task_run_failed: {
    level: 'error',
    meaning: 'the end of a run could not be recorded; whoever reads the task next settles it',
    action: 'Look at the `error`.',
  },
  agent_event_ignored: {
    level: 'debug',
    meaning: 'an agent published something after its task had ended, or that cannot be stored',
    action: 'Look at the agent when its tasks fail.',
  },
  session_damaged: {
    level: 'error',
    meaning: 'the head of a session cannot be read, or its key has another type; nothing is written to it',
    action: 'Repair the named key by hand: see "A damaged session" in the runbook.',
  },
  record_damaged: {
    level: 'error',
    meaning: 'a stored record cannot be read; it is set aside and the session can only be read',
    action: 'Look at the named key and field: see "A damaged record" in the runbook.',
  },
  record_refused: {
    level: 'warn',
    meaning: 'a record that was acknowledged during an outage no longer applies; it is kept as `refused`',
    action: 'Two instances changed one session while the store was away. The record is in the journal.',
  },
  pending_stuck: {
    level: 'error',
    meaning: 'records wait for the store although it answers: it takes other writes, not these',
    action:
      'Look at its disk and memory: a full disk often takes small writes. One line until all is stored.',
  },
  pending_full: {
    level: 'error',
    meaning: 'too much waits for the store; new work is refused with 503',
    action:
      'Bring the store back. Raising A2A_MAX_PENDING_RECORDS or A2A_MAX_PENDING_BYTES takes a restart, which loses what waits without an outage journal.',
  },
  task_recovered: {
    level: 'warn',
    meaning: 'a task whose runner is gone was settled',
    action: 'Nothing, unless there are many: then look for instances that crash.',
  },
  instance_dead: {
    level: 'warn',
    meaning:
      'an instance that shares the store is gone without a goodbye; what it was running is looked for and settled',
    action: 'Look at that instance: it crashed, hangs, or cannot reach the store.',
  },
  reaper_failed: {
    level: 'error',
    meaning: 'looking for tasks whose runner is gone met a fault of the server; it goes on at the next sweep',
    action: 'Look at the `error`, and report it.',
  },
  task_fenced: {
    level: 'warn',
    meaning: 'this instance no longer owns a task that it was running; its records are dropped',
    action: 'Look for pauses of this process longer than A2A_DEAD_SECONDS.',
  },
  task_cancel_forced: {
    level: 'warn',
    meaning: 'a task was canceled although its executor did not stop within A2A_CANCEL_GRACE_SECONDS',
    action: 'Look at the agent: it does not heed `signal`, or its instance hangs.',
  },
  task_cancel_unrecorded: {
    level: 'warn',
    meaning: 'that an executor was told of a cancel could not be recorded; it goes on without',
    action: 'Look at the `error`.',
  },
  task_timed_out: {
    level: 'warn',
    meaning: 'an agent worked longer than A2A_TASK_TIMEOUT_SECONDS; the task has failed',
    action: 'Look at the agent, or raise the bound.',
  },
  alias_taken: {
    level: 'info',
    meaning: 'a v0.1 task id named another task already; the send was decided again',
    action: NOTHING,
  },
  agent_listener_failed: {
    level: 'error',
    meaning: 'a listener that the agent put on its event bus threw; its task goes on',
    action: 'Look at the `error` of the agent.',
  },
  agent_failed: {
    level: 'error',
    meaning: 'the agent threw; its task has failed',
    action: 'Look at the `error` of the agent.',
  },
  stream_cut: {
    level: 'info',
    meaning: 'the reader of a stream took nothing for A2A_SSE_STALL_SECONDS; its connection was closed',
    action:
      'Nothing: it comes back with its last event id. Many of them point at the network or at a client.',
  },
  webhook_failed: {
    level: 'warn',
    meaning: 'a webhook did not take an event; it is tried again at `next`, or given up when there is none',
    action: 'Look at `why` and `origin`; the receiver is not ours. One line per attempt.',
  },
  webhook_parked: {
    level: 'error',
    meaning:
      'a webhook is given up: too many attempts failed, or trying again is of no use; nothing more is sent to it',
    action:
      'Tell the client. It registers the webhook anew once its receiver works: see "Webhooks" in the runbook.',
  },
  webhook_delivery_failed: {
    level: 'error',
    meaning: 'telling the webhooks of a session met a fault of the server; it is tried again within a minute',
    action: 'Look at the `error`, and report it.',
  },
  request_failed: {
    level: 'error',
    meaning: 'a request met a fault of the server and was answered "Internal error"',
    action: 'Report the `error`; the client was told the same `requestId`.',
  },
} as const satisfies Record<string, LogEventRow>;

export type LogEvent = keyof typeof LOG_EVENTS;

/** Flat on purpose: sessions, messages and params are never logged. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>;

/**
 * Writes one line. Level and wording come from the table.
 *
 * @param error anything thrown. What is written of it: type, message, code, stack and causes, without data.
 */
export type Log = (event: LogEvent, fields?: LogFields, error?: unknown) => void;
