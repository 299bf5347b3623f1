/** What a commit may ask a store to check and to count, of all the sessions of a tenant together. */

/** What the whole tenant, all its subjects together, may have at most once a commit is stored. */
export interface TenantLimits {
  /** Live sessions. Looked at by a commit that creates one. */
  readonly maxSessions?: number;
  /** Tasks in the states submitted and working. Looked at by a commit that adds to them. */
  readonly maxRunningTasks?: number;
}

/** What it has, with this commit; of each as far as the commit asked. */
export interface TenantCounts {
  readonly sessions?: number;
  readonly runningTasks?: number;
}
