/** How all stores write orders to erase. */
import type { CarriedOut, ErasureTarget } from '../sessions/erasure-store.ts';

/** So many orders are read at once. */
export const ERASURES_MAX = 1_000;

const BEFORE_INSTANCE = 'i:';

/** @param instance encoded */
export const instanceField = (instance: string): string => BEFORE_INSTANCE + instance;

export const instanceOfField = (field: string): string | undefined =>
  field.startsWith(BEFORE_INSTANCE) ? field.slice(BEFORE_INSTANCE.length) : undefined;

export const readTarget = (text: string): ErasureTarget => JSON.parse(text) as ErasureTarget;
export const readCarriedOut = (text: string): CarriedOut => JSON.parse(text) as CarriedOut;
