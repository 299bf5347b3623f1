import { appendFileSync } from 'node:fs';
import { type AuditEntry, type AuditEvent, toAuditLine } from '../observability/audit.ts';
import type { Terminal } from './terminal.ts';

/** Adds what a command has done to the file that A2A_AUDIT_FILE names, if it names one. What was done stays done. */
export function auditCommand({ env, now, err }: Terminal, event: AuditEvent, entry: AuditEntry): void {
  const path = env['A2A_AUDIT_FILE'];
  if (path === undefined || path === '') return;
  try {
    appendFileSync(path, `${toAuditLine(now(), event, { by: 'command', ...entry })}\n`, { mode: 0o600 });
  } catch (error) {
    err(`holdfast: A2A_AUDIT_FILE ${path} was not written: ${error instanceof Error ? error.message : ''}\n`);
  }
}
