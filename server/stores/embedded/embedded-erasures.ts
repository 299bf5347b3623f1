import type { DurationMs } from '../../../protocol/units.ts';
import type {
  CarriedOut,
  ErasedSession,
  ErasureOrder,
  ErasureStore,
  ErasureTarget,
} from '../../sessions/erasure-store.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { checkTtl } from '../request-checks.ts';
import { EmbeddedInstances } from './embedded-instances.ts';
import {
  carriedOutBy,
  eraseIn,
  forgetTenantIn,
  noteCarriedOut,
  orderIn,
  ordersAfter,
} from './erasure-rules.ts';
import { addressOf } from './tables.ts';

/** What an embedded store deletes for good, and the orders that say so to whoever still holds a copy. */
export abstract class EmbeddedErasures extends EmbeddedInstances implements ErasureStore {
  async erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined> {
    const ttlMs = checkTtl(tombstoneTtlMs);
    const erased = await this.write((tables) => eraseIn(tables, addressOf(ref), ttlMs, this.now()));
    if (erased !== undefined) this.wake(ref, 0);
    return erased;
  }

  firstRecord(ref: SessionRef): Promise<string | undefined> {
    return this.view((tables) => tables.record(addressOf(ref), 1));
  }

  forgetTenant(tenant: string): Promise<void> {
    return this.write((tables) => {
      forgetTenantIn(tables, encodeId(tenant));
    });
  }

  orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number> {
    const ms = checkTtl(keepMs);
    return this.write((tables) => orderIn(tables, target, ms, this.now()));
  }

  erasuresAfter(number: number): Promise<readonly ErasureOrder[]> {
    return this.view((tables) => ordersAfter(tables, number, this.now()));
  }

  erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void> {
    return this.write((tables) => {
      noteCarriedOut(tables, number, instance, what);
    });
  }

  erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>> {
    return this.view((tables) => carriedOutBy(tables, number));
  }
}
