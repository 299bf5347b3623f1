/** What is logged of erasure. A part of {@link LOG_EVENTS}. */
export const ERASURE_LOG_EVENTS = {
  erasure_carried_out: {
    level: 'info',
    meaning:
      'sessions were erased, here or by another process; this instance has given up what it held of them: `sessions` in memory, `records` that waited for the store',
    action: 'Nothing. The audit log says who asked for it.',
  },
  erasure_failed: {
    level: 'error',
    meaning: 'an order to erase could not be carried out in this instance; it is tried again',
    action: 'Report the `error` when it stays. Nothing of what waits is stored until then.',
  },
} as const;
