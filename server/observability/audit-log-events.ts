/** What is logged of the audit stream. A part of {@link LOG_EVENTS}. */
export const AUDIT_LOG_EVENTS = {
  audit_failed: {
    level: 'error',
    meaning:
      'lines of the audit stream could not be written to A2A_AUDIT_FILE and are lost; the server goes on',
    action:
      'Look at the `error`: the disk, or the rights of the folder. At most one line a minute; `lines` is how many were lost since the last.',
  },
} as const;
