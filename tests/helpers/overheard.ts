/**
 * Everything that servers of the tests write, and errors and states that they answer with, is searched for secrets that
 * were planted in them: see hooks.ts, which looks after every test.
 */

import type { ChildProcess } from 'node:child_process';

/** In every secret and content that the helpers make up. Nothing that a server may say has it. */
const MARKER = 'pl4nted';
/** What is shorter may be a word of somebody's. */
const SECRET_MIN = 8;

/** Secrets that tests made up themselves -> what they are. */
const known = ofThisProcess(
  'secrets',
  () =>
    new Map<string, string>([
      ['secret of ann', 'content'],
      ['secret-of-redis', 'password of Redis'],
      ['hunter2hunter2', 'private key'],
    ]),
);

/** A secret, or a text that is content, for a test to give to a server. @param what told when it is found somewhere */
export const planted = (what: string): string => `${MARKER}-${what}`;

/** A secret that a test has made up: from now on nothing may say it. @returns the same */
export function alsoSecret(secret: string, what: string): string {
  if (secret.length >= SECRET_MIN) known.set(secret, what);
  return secret;
}

/** Also in base64, at each of its three places in a group. */
const FORMS = [MARKER, ...[0, 1, 2].map(inBase64)];

function inBase64(offset: number): string {
  const text = Buffer.from('-'.repeat(offset) + MARKER).toString('base64url');
  // The first and the last characters depend on what stands beside it.
  return text.slice(offset === 0 ? 0 : offset + 1, Math.floor(((offset + MARKER.length) * 8) / 6));
}

/** @returns what a text gives away, in words that do not */
export function leaksIn(text: string): string[] {
  const found = FORMS.some((form) => text.includes(form)) ? ['what a helper has planted'] : [];
  for (const [secret, what] of known) if (text.includes(secret)) found.push(what);
  return found;
}

/** What everybody may read, or asks for without a credential. */
const STATES = /^\/(?:readyz|livez|metrics|\.well-known\/.*)$/;
/** In a page of content it is quoted. */
const RPC_ERROR = /"error":\{"code":-?\d/;

export class Overheard {
  readonly #leaks: string[] = [];

  /** A line, or an answer. @param where it was, for whoever has to find it */
  hear(where: string, text: string): void {
    for (const what of leaksIn(text)) this.#leaks.push(`${nameOf(text) ?? where} tells ${what}`);
  }

  /** An answer over HTTP, if it is an error or a state: others are content, for those that may read it. */
  hearAnswer(url: string | URL, status: number, text: string): void {
    const { pathname } = new URL(url);
    if (STATES.test(pathname)) this.hear(pathname, text);
    else if (status >= 400 || RPC_ERROR.test(text)) this.hear('an error', text);
  }

  /** @throws naming the log events, and nothing of what they said */
  check(): void {
    const leaks = new Set(this.#leaks.splice(0));
    if (leaks.size > 0) throw new Error(`secrets got out: ${[...leaks].join('; ')}`);
  }
}

/** The event of a log line. */
function nameOf(text: string): string | undefined {
  return /^\{.*"event":"(\w+)"/.exec(text)?.[1];
}

/** Of this process of tests. */
export const overheard = ofThisProcess('heard', () => new Overheard());

/**
 * Mocha loads hooks.ts by `require` and, where that fails, a file of tests by `import`: each then has a module of its
 * own, and what a test hears would be looked for where nobody has heard anything.
 */
function ofThisProcess<T>(name: string, make: () => T): T {
  const shared = globalThis as unknown as Record<symbol, T | undefined>;
  return (shared[Symbol.for(`holdfast.tests.${name}`)] ??= make());
}

/** Text as it comes from a pipe, line by line; also a last one that has no end. */
export class OverheardText {
  readonly #where: string;
  #rest = '';

  constructor(where: string) {
    this.#where = where;
  }

  write(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) overheard.hear(this.#where, line);
    // A process that crashes may stop in the middle of a line.
    overheard.hear(this.#where, this.#rest);
  }
}

/** A command, or a program with a server in it. Call it before its output can come. */
export function hearOutputOf({ stdout, stderr }: Pick<ChildProcess, 'stdout' | 'stderr'>): void {
  for (const [where, from] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    const overheardText = new OverheardText(where);
    from?.setEncoding('utf8').on('data', (text: string) => {
      overheardText.write(text);
    });
  }
}
