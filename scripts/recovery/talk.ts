import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import { Conversation, type Sent, Tally } from './conversation.ts';
import type { KilledServer } from './killed-server.ts';
import { Random } from './random.ts';
import type { RecoveryOptions } from './recovery-options.ts';

export interface TalkProgress {
  readonly acknowledged: number;
  readonly expected: number;
  readonly retries: number;
  readonly kills: number;
}

export interface TalkWatcher {
  onAnswer(progress: TalkProgress): void;
  onKill(progress: TalkProgress): void;
}

/** Kills fall into this share of the messages, so that everybody is still talking. */
const KILLS_UNTIL = 0.85;
/** How long after its turn has come a kill may wait: a moment that has nothing to do with an answer. */
const KILL_LATER_MAX_MS: DurationMs = 40;

/** All conversations at once, and the kills among them. */
export async function talk(
  options: RecoveryOptions,
  server: KilledServer,
  watcher: TalkWatcher,
): Promise<{ sent: Sent[]; tally: Tally }> {
  const { sessions, messages, kills, seed } = options;
  const expected = sessions * messages + kills + 1;
  const progress = (): TalkProgress => ({ ...tally.counts, expected, kills: server.kills });
  const tally = new Tally(() => {
    watcher.onAnswer(progress());
  });
  const conversations = Array.from(
    { length: sessions },
    (_, n) => new Conversation({ name: `c${n}`, index: n, of: sessions + 1, door: server, tally, seed }),
  );
  // Quiet while the others talk; after each start it goes on before anybody else comes in.
  const quiet = new Conversation({
    name: 'quiet',
    index: sessions,
    of: sessions + 1,
    door: server.sideDoor,
    tally,
    seed,
  });
  const start = async (): Promise<void> => {
    await server.start();
    await quiet.say();
    server.open();
  };

  await start();
  const random = new Random(seed);
  const ended = Promise.all(conversations.map((each) => each.run(messages)));
  ended.catch(() => undefined);
  for (let kill = 0; kill < kills; kill += 1) {
    const turn = ((kill + random.next()) / kills) * KILLS_UNTIL * sessions * messages;
    // Without the race a conversation that broke off would keep the kill waiting for ever.
    await Promise.race([tally.reached(Math.ceil(turn)), ended]);
    await pause(random.below(KILL_LATER_MAX_MS));
    await server.kill();
    watcher.onKill(progress());
    await start();
  }
  await ended;
  return { sent: [...conversations, quiet].flatMap(({ sent }) => sent), tally };
}
