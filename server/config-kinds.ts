/** The kinds of value that an environment variable can have. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseUrl } from '../protocol/parse-url.ts';

export interface Variable<T> {
  /** What the number counts, or what the text is. */
  readonly unit: string;
  /** As an operator would write it; `''` when there is none. */
  readonly default: string;
  readonly bounds: string;
  readonly effect: string;
  /** Its value never appears in a message. */
  readonly secret: boolean;
  readonly schema: z.ZodType<Exclude<T, undefined>, string>;
  readonly fallback: T;
}

/** Reports one problem of one variable. */
export type Complain = (name: string, problem: string, value?: string) => void;

type Row = Pick<Variable<unknown>, 'unit' | 'effect'> & { secret?: true };
type Kind<T> = Pick<Variable<T>, 'default' | 'bounds' | 'schema' | 'fallback'>;

export const variable = <T>(kind: Kind<T>, row: Row): Variable<T> => ({ secret: false, ...kind, ...row });

/** Digits only: `1e3`, `0x10` and `5s` are more often a mistake than a number. */
export const whole = (min: number, max: number, fallback: number): Kind<number> => ({
  default: String(fallback),
  bounds: `${min} to ${max}`,
  schema: z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`)),
  fallback,
});

export const oneOf = <T extends string>(fallback: T, ...others: T[]): Kind<T> => {
  const choices = [fallback, ...others];
  return {
    default: fallback,
    bounds: choices.join(', '),
    schema: z.enum(choices, `must be one of ${choices.join(', ')}`),
    fallback,
  };
};

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

export function flag(fallback: boolean): Kind<boolean>;
export function flag(fallback: undefined): Kind<boolean | undefined>;
export function flag(fallback: boolean | undefined): Kind<boolean | undefined> {
  return {
    default: fallback === undefined ? '' : String(fallback),
    bounds: 'true, false, 1, 0',
    schema: z
      .string()
      .refine((text) => FLAGS.has(text.toLowerCase()), 'must be true or false')
      .transform((text) => FLAGS.get(text.toLowerCase()) === true),
    fallback,
  };
}

export const text = (pattern: RegExp, bounds: string, fallback: string): Kind<string> => ({
  default: fallback,
  bounds,
  schema: z.string().regex(pattern, `must be ${bounds}`),
  fallback,
});

export const optional = <T>(
  bounds: string,
  schema: Variable<T | undefined>['schema'],
): Kind<T | undefined> => ({
  default: '',
  bounds,
  schema,
  fallback: undefined,
});

export const NO_CONTROLS = /^\P{Cc}+$/u;
export const anyText = optional<string>(
  'any text',
  z.string().regex(NO_CONTROLS, 'must not contain control characters'),
);

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?$/;
export const isHost = (name: string): boolean => isIP(name) !== 0 || HOST_NAME.test(name);

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const ADDRESSES_MAX = 64;

/** `host`, `host:port`, `[::1]:port`; undefined for anything else. */
function toHostPort(text: string, defaultPort: number): HostPort | undefined {
  const parts = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? defaultPort);
  return isHost(host) && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** One or more addresses. */
export const addresses = (defaultPort: number): Kind<readonly HostPort[] | undefined> => {
  const bounds = `1 to ${ADDRESSES_MAX} addresses such as host:${defaultPort}, separated by commas`;
  return optional<readonly HostPort[]>(
    bounds,
    z.string().transform((list, context) => {
      const read = list.split(',').map((entry) => toHostPort(entry.trim(), defaultPort));
      const good = read.filter((address) => address !== undefined);
      if (good.length === read.length && good.length <= ADDRESSES_MAX) return good;
      context.addIssue({ code: 'custom', message: `must be ${bounds}` });
      return z.NEVER;
    }),
  );
};

export function isPublicUrl(value: string): boolean {
  const url = parseUrl(value);
  if (url === undefined) return false;
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && /^https?:$/.test(url.protocol);
}

const isOrigin = (value: string): boolean =>
  value === '*' || (/^https?:/.test(value) && parseUrl(value)?.origin === value);

const listOfOrigins = (example: string, orAny: boolean): Kind<readonly string[]> => ({
  default: '',
  bounds: `comma-separated origins such as ${example}${orAny ? ', or *' : ''}`,
  schema: z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    )
    .refine(
      (list) => list.every((entry) => isOrigin(entry) && (orAny || entry !== '*')),
      `must be origins such as ${example}, separated by commas${orAny ? ', or *' : ''}`,
    ),
  fallback: [],
});

export const origins = listOfOrigins('https://app.example.com', true);
/** Named one by one: there is no "any". */
export const webOrigins = listOfOrigins('http://localhost:8080', false);
