import { pino } from 'pino';
import type { EpochMs } from '../../protocol/units.ts';
import { type Log, LOG_EVENTS, type LogFields, type LogSeverity } from './log-events.ts';

/** Where lines go: anything with `write`, such as `process.stdout`. */
export interface LogDestination {
  write(line: string): unknown;
}

export const NOWHERE: LogDestination = { write: () => true };

export interface LoggerOptions {
  readonly level: LogSeverity | 'trace' | 'silent';
  readonly destination: LogDestination;
  readonly now: () => EpochMs;
  /** On every line, e.g. the instance id. */
  readonly bindings?: Readonly<Record<string, string | number>>;
  /** On every line, asked for when it is written, e.g. the trace. */
  readonly fields?: (() => LogFields) | undefined;
  /** How the fields of a line are shown. Absent: as they are. */
  readonly show?: (fields: LogFields) => LogFields;
}

/** Second line of defence: nobody should log these, and if somebody does they do not get out. */
const REDACTED = [
  ...['password', 'authorization', 'cookie', 'token', 'credentials', 'secret', 'apiKey', 'headers', 'args'],
  ...['params', 'body', 'message', 'parts', 'text', 'history', 'artifacts', 'value'],
];

const CAUSES_MAX_DEPTH = 4;

/** JSON lines on a stream. `event` is always there; `msg` says the same for a human reader. */
export function createLogger(options: LoggerOptions): Log {
  const { now, show, fields: common } = options;
  const logger = pino(
    {
      level: options.level,
      base: options.bindings ?? null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
    },
    options.destination,
  );
  return (event, fields, error) => {
    const { level, meaning } = LOG_EVENTS[event];
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        event,
        ...common?.(),
        ...(fields && show ? show(fields) : fields),
        ...(error === undefined ? {} : { error: describeError(error) }),
      },
      meaning,
    );
  };
}

interface DescribedError {
  type: string;
  message: string;
  code?: string | number;
  stack?: string;
  cause?: DescribedError;
}

/**
 * Own fields of errors are left out: those of ioredis carry the command with its arguments, which are the session.
 * So are the places where a message quotes data: JSON.parse cites its input, Redis the arguments of a bad command.
 */
export function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error was thrown' };
  const described: DescribedError = { type: error.name, message: withoutData(error.message) };
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' || typeof code === 'number') described.code = code;
  const frames = error.stack?.match(/^ {4}at .*$/gm);
  if (frames) described.stack = frames.join('\n');
  if (error.cause !== undefined && depth < CAUSES_MAX_DEPTH)
    described.cause = describeError(error.cause, depth + 1);
  return described;
}

function withoutData(message: string): string {
  if (/is not valid JSON|in JSON at position|JSON input/.test(message)) return 'not valid JSON';
  return message
    .replace(/,? with args beginning with:.*$/s, '')
    .replace(/\/\/[^/\s]*@/g, '//***@')
    .slice(0, 1000);
}
