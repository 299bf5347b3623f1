/**
 * Why an instance is not as well as it could be, as data: what `/readyz` says of each, and where the runbook helps. Names are
 * stable, for scripts; texts are for people. The runbook lists the same names and a test holds it to this table.
 */
interface ReasonRow {
  readonly text: string;
  /** Heading of the runbook, as an anchor. */
  readonly section: string;
}

const RUNBOOK = 'docs/persistence-runbook.md';

export const HEALTH_REASONS = {
  starting: { text: 'the store has not answered yet', section: 'redis-is-away' },
  draining: { text: 'the server is stopping', section: 'an-instance-dies-hangs-or-is-stopped' },
  store_away: { text: 'the store is away', section: 'redis-is-away' },
  records_pending: { text: 'records wait for the store', section: 'redis-is-away' },
  pending_full: {
    text: 'so much waits for the store that new work was refused',
    section: 'redis-is-away',
  },
  outage_journal_failing: { text: 'the outage journal cannot be written', section: 'the-outage-journal' },
  store_may_evict: { text: 'the store may drop sessions', section: 'redis-settings' },
  store_not_durable: { text: 'the store may lose sessions when it restarts', section: 'redis-settings' },
} as const satisfies Record<string, ReasonRow>;

export type HealthReason = keyof typeof HEALTH_REASONS;

/** What is told of one. */
export interface ToldReason {
  readonly reason: HealthReason;
  readonly text: string;
  /** Path and anchor, from the top of the repository or the package. */
  readonly runbook: string;
}

/** @param found instead of the text in the table, where more is known */
export function toldOf(reason: HealthReason, found?: string): ToldReason {
  const { text, section } = HEALTH_REASONS[reason];
  return { reason, text: found ?? text, runbook: `${RUNBOOK}#${section}` };
}
