/** Loaded by mocha before every run, whole or of a single file. */
import type { RootHookObject } from 'mocha';
import { hearFetch } from './heard-fetch.ts';
import { overheard } from './overheard.ts';

hearFetch();

const rejections: unknown[] = [];

/** A promise that nobody waits for can fail after its test has passed; the run must not be green then. */
process.on('unhandledRejection', (reason) => {
  rejections.push(reason);
});

function failOnRejections(): void {
  const [first] = rejections.splice(0);
  if (first !== undefined) throw new Error('a promise was rejected and nobody looked', { cause: first });
}

function look(): void {
  failOnRejections();
  overheard.check();
}

export const mochaHooks: RootHookObject = {
  afterEach: look,
  async afterAll() {
    // One more turn of the loop: the last test's rejections are reported after it.
    await new Promise(setImmediate);
    look();
  },
};
