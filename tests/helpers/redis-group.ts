/** Several servers that are one store between them. */
export interface RedisGroup {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const ATTEMPTS = 3;

/** Tries on other ports: somebody may take one between the look and the start. @param make chooses the ports */
export async function startGroup<G extends RedisGroup>(make: () => Promise<G>): Promise<G> {
  for (let attempt = 1; ; attempt += 1) {
    const group = await make();
    try {
      await group.start();
      return group;
    } catch (error) {
      await group.stop();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Call it in a `describe`: starts a group before its tests and stops it after them. */
export function useGroup<G extends RedisGroup>(start: () => Promise<G>): () => G {
  let group: G | undefined;
  before(async function () {
    this.timeout(60_000);
    group = await start();
  });
  after(async () => {
    await group?.stop();
  });
  return () => {
    if (group === undefined) throw new Error('the servers start before the first test');
    return group;
  };
}
