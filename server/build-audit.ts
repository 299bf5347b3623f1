/** The audit stream: where it goes, and what of the door is told in it. */
import type { IncomingMessage } from 'node:http';
import type { EpochMs } from '../protocol/units.ts';
import type { Config } from './config.ts';
import { type Audit, type AuditEntry, type AuditWho, toAuditLine } from './observability/audit.ts';
import { AuditFile } from './observability/audit-file.ts';
import type { Log } from './observability/log-events.ts';
import type { LogDestination } from './observability/logger.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Denied } from './rpc/denied.ts';
import type { ApiKey } from './security/api-keys.ts';
import { clientAddress } from './security/client-address.ts';
import { FailedAttempts, type FailedAttempt } from './security/failed-attempts.ts';
import { createOnceAMinute } from './security/once-a-minute.ts';
import type { Principal } from './security/principal.ts';
import type { ErasureTarget } from './sessions/erasure-store.ts';
import type { ErasureReport } from './sessions/eraser.ts';

export interface AuditTrail {
  /** Of a request that is waited for: of a client that has left by then nobody knows where it was. */
  readonly arrived: (req: IncomingMessage) => void;
  /** Bounded, however many there are: see {@link FailedAttempts}. */
  readonly attemptFailed: (req: IncomingMessage, why: FailedAttempt['why']) => void;
  /** Bounded in the same way. */
  readonly onDenied: (denied: Denied) => void;
  readonly onErased: (
    req: IncomingMessage,
    who: Principal,
    target: ErasureTarget,
    done: ErasureReport,
    isWhole: boolean,
  ) => void;
  /** Told those that hold, whenever they were read. */
  readonly keysRead: (keys: readonly ApiKey[]) => void;
  /** Writes what is left. Never rejects. */
  readonly close: () => Promise<void>;
}

export interface AuditOptions {
  readonly config: Config;
  readonly now: () => EpochMs;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where lines go without A2A_AUDIT_FILE. */
  readonly destination: LogDestination;
}

export function buildAudit(options: AuditOptions): AuditTrail {
  const { config, now, destination } = options;
  const file = config.auditFile === undefined ? undefined : openFile(config.auditFile, options);
  const audit: Audit = (event, entry) => {
    const line = `${toAuditLine(now(), event, entry)}\n`;
    if (file === undefined) destination.write(line);
    else file.write(line);
  };
  const addresses = new WeakMap<IncomingMessage, string>();
  const from = (req: IncomingMessage): string =>
    addresses.get(req) ?? clientAddress(req, config.bounds.trustProxyHops);
  const attempts = new FailedAttempts((attempt, count) => {
    audit('authentication_failed', { ...attempt, count });
  });
  // Where there are no credentials anybody may name other tenants all day.
  const denials = new FailedAttempts((denial: AuditEntry, count) => {
    audit('access_denied', { ...denial, count });
  });
  let holding: ReadonlySet<string> | undefined;
  return {
    arrived: (req) => {
      addresses.set(req, from(req));
    },
    attemptFailed: (req, why) => {
      attempts.failed({ from: from(req), why });
    },
    onDenied: ({ principal, operation, why, source }) => {
      denials.failed({
        who: toWho(principal),
        from: from(source as IncomingMessage),
        operation,
        why,
      });
    },
    onErased: (req, who, target, done, isWhole) => {
      const entry = { who: toWho(who), from: from(req), target, done };
      audit(isWhole ? 'sessions_erased' : 'erasure_incomplete', entry);
    },
    keysRead: (keys) => {
      const named = new Set(keys.filter(({ revoked }) => revoked === undefined).map(nameOf));
      const before = holding;
      holding = named;
      if (before === undefined) return;
      const added = [...named].filter((name) => !before.has(name));
      const removed = [...before].filter((name) => !named.has(name));
      if (added.length + removed.length > 0) audit('keys_changed', { added, removed });
    },
    close: async () => {
      attempts.close();
      denials.close();
      await file?.close();
    },
  };
}

function openFile(path: string, { log, metrics }: AuditOptions): AuditFile {
  const mono = (): number => performance.now();
  const isDue = createOnceAMinute(mono);
  let untold = 0;
  const onLost = (lines: number, error: unknown): void => {
    metrics.auditLost.inc(lines);
    untold += lines;
    if (!isDue('')) return;
    log('audit_failed', { path, lines: untold }, error);
    untold = 0;
  };
  return new AuditFile({ path, mono, onLost });
}

const toWho = ({ tenant, subject, credential }: Principal): AuditWho => ({ tenant, subject, credential });

/** An older entry has no id. */
const nameOf = ({ id, tenant, subject }: ApiKey): string => id ?? `${tenant}/${subject}`;
