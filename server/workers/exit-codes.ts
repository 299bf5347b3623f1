/** Exit codes of the process. Of several workers the highest one counts. */
export const EXIT = { drained: 0, crashed: 1, notConfigured: 2, notStarted: 3, lost: 4 } as const;
