/** What is measured beyond what everybody gets. */
import { z } from 'zod';
import { variable } from './config-kinds.ts';

const TENANTS_MAX = 100;
const BOUNDS = `at most ${TENANTS_MAX} tenants, separated by commas`;

/** Each is a label of metrics: so many more lines in every answer, and in every Prometheus that keeps them. */
const tenants = {
  default: '',
  bounds: BOUNDS,
  schema: z
    .string()
    .transform((list) => [
      ...new Set(
        list
          .split(',')
          .map((entry) => entry.trim())
          .filter((entry) => entry !== ''),
      ),
    ])
    .refine(
      (list) => list.length <= TENANTS_MAX && list.every((name) => /^\P{Cc}{1,256}$/u.test(name)),
      `must be ${BOUNDS}`,
    ),
  fallback: [] as readonly string[],
};

export const METRICS_VARIABLES = {
  A2A_METRICS_TENANTS: variable(tenants, {
    unit: 'tenants',
    effect:
      'Tenants whose requests and sessions `/metrics` also counts apart, with the tenant as a label. None by default.',
  }),
} as const;
