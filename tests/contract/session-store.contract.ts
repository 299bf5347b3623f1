import type { Capability, ContractOptions, Harness, Suite } from './harness.ts';
import { describeAnswers } from './answers.contract.ts';
import { describeCensus } from './census.contract.ts';
import { describeCommit } from './commit.contract.ts';
import { describeErasure } from './erasure.contract.ts';
import { describeHints } from './hints.contract.ts';
import { describeIndexes } from './indexes.contract.ts';
import { describeInstances } from './instances.contract.ts';
import { describeLife } from './life.contract.ts';
import { describeLimits } from './limits.contract.ts';
import { describeLists } from './lists.contract.ts';
import { describeOutbox } from './outbox.contract.ts';
import { describeReading } from './reading.contract.ts';
import { describeRewrites } from './rewrite.contract.ts';
import { describeSessionLists } from './session-lists.contract.ts';

/** What every {@link SessionStore} promises. One suite, held against all of them. */
export function describeSessionStore(name: string, options: ContractOptions): void {
  describe(`the session store: ${name}`, () => {
    let harness: Harness | undefined;
    beforeEach(async () => {
      harness = await options.open();
    });
    afterEach(async () => {
      await harness?.close();
      harness = undefined;
    });

    const opened = (): Harness => {
      if (harness === undefined) throw new Error('a store is opened for each test');
      return harness;
    };
    const suite: Suite = {
      get harness() {
        return opened();
      },
      get store() {
        return opened().store;
      },
      sizeOf: (...jsons) => {
        const sizeOf = opened().sizeOf ?? ((json: string) => Buffer.byteLength(json));
        return jsons.reduce((sum, json) => sum + sizeOf(json), 0);
      },
      needs: (capability: Capability) => {
        const reason = options.cannot?.[capability];
        if (reason === undefined) return it;
        return (title) => it.skip(`${title} [not here: ${reason}]`);
      },
    };
    describeReading(suite);
    describeCommit(suite);
    describeLife(suite);
    describeIndexes(suite);
    describeAnswers(suite);
    describeLists(suite);
    describeCensus(suite);
    describeLimits(suite);
    describeSessionLists(suite);
    describeOutbox(suite);
    describeErasure(suite);
    describeRewrites(suite);
    describeInstances(suite);
    describeHints(suite);
  });
}
