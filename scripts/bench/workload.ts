import type { Quantity } from './book.ts';
import type { Rig } from './rig.ts';

/** One kind of work, measured for everybody who can do it. */
export interface Workload {
  /** For `--only`, and the name of its chart. */
  readonly name: string;
  readonly title: string;
  /** What is done, for the report. */
  readonly note: string;
  /** Contender that the others are compared with; absent: nobody. */
  readonly base?: string;
  /** Whose packages have to be there. */
  readonly contenders: readonly string[];
  /** Those of a short run; absent: the workload is not part of it. */
  readonly quickContenders?: readonly string[];
  /** What the chart shows; absent: it has none. */
  readonly chart?: Quantity;
  /** @throws when a server answers wrong */
  readonly run: (rig: Rig) => Promise<void>;
}

/** A workload needs what is not there. The run goes on; the report says so. */
export class NotAvailableError extends Error {
  override readonly name = 'NotAvailableError';
}
