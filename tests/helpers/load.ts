/** Clients that go on talking whatever happens to the server: conversations, and messages that begin one. */
import type { JsonObject } from '../../protocol/units.ts';
import { planted } from './overheard.ts';
import { call, type RpcReply, sendV03, sendV1, V1 } from './rpc.ts';

/** One send, and what became of it. Moments are of `performance.now()`. */
export interface Sent {
  readonly dialect: 'v03' | 'v1';
  readonly url: string;
  /** As the client asked for it, else as the answer names it. */
  readonly sessionId: string;
  readonly text: string;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly reply: RpcReply;
  readonly taskId: string;
  readonly state: string;
  /** The header `A2A-Persistence`. */
  readonly persistence: string | null;
}

export interface LoadOptions {
  /** Sends begun per second, however long the answers take. */
  readonly perSecond?: number;
  /** Sessions that live as long as the load; in each of them one message is answered before the next is sent. */
  readonly conversations?: number;
  /** Makes the texts and ids of this load its own. */
  readonly name?: string;
}

interface Shown {
  id?: string;
  contextId?: string;
  status?: { state?: string };
  task?: Shown;
}

const taskOf = ({ json }: RpcReply): Shown => {
  const result = (json.result ?? {}) as JsonObject;
  return (result['task'] ?? result) as Shown;
};

/** One message in either dialect. @param sessionId absent: the server chooses one */
export async function sendOnce(
  url: string,
  dialect: Sent['dialect'],
  text: string,
  sessionId?: string,
  headers: Record<string, string> = {},
): Promise<Sent> {
  // what is said may be in no log, an id may
  const messageId = `m-${text.replace(planted('content'), '').slice(0, 100)}`;
  const beganAt = performance.now();
  const reply =
    dialect === 'v1'
      ? await call(url, 'SendMessage', sendV1(messageId, text, sessionId), { ...V1, ...headers })
      : await call(url, 'message/send', sendV03(messageId, text, sessionId), headers);
  const endedAt = performance.now();
  const task = taskOf(reply);
  return {
    dialect,
    url,
    sessionId: sessionId ?? task.contextId ?? '',
    text,
    beganAt,
    endedAt,
    reply,
    taskId: task.id ?? '',
    state: task.status?.state ?? '',
    persistence: reply.headers.get('A2A-Persistence'),
  };
}

/** Half of the sends go on with a conversation, a quarter name a new session, a quarter leave its name to the server. */
export class Load {
  /** In the order of the answers. */
  readonly sent: Sent[] = [];
  readonly #urls: readonly string[];
  readonly #perSecond: number;
  readonly #name: string;
  readonly #idle: string[];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];
  readonly #listeners = new Set<() => void>();
  /** How long this process, or all of the machine, stood still at worst: no answer can be quicker than that. */
  stallMs = 0;
  #began = 0;
  #launched = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param urls every send goes to one of these servers, by turns */
  constructor(urls: readonly string[], options: LoadOptions = {}) {
    this.#urls = urls;
    this.#perSecond = options.perSecond ?? 200;
    this.#name = options.name ?? 'load';
    const conversations = options.conversations ?? 30;
    this.#idle = Array.from({ length: conversations }, (_, i) => `${this.#name}-conversation-${i}`);
  }

  start(): this {
    this.#began = performance.now();
    let lastTurn = this.#began;
    this.#timer = setInterval(() => {
      this.stallMs = Math.max(this.stallMs, performance.now() - lastTurn);
      lastTurn = performance.now();
      const due = ((performance.now() - this.#began) * this.#perSecond) / 1000;
      while (this.#launched < due) this.#launch(this.#launched++);
    }, 5);
    return this;
  }

  /** Sends no more, and waits for the answers. @throws what a send met instead of an answer */
  async stop(): Promise<readonly Sent[]> {
    clearInterval(this.#timer);
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    if (this.#errors.length > 0)
      throw new AggregateError(this.#errors, `no answer: ${String(this.#errors[0])}`);
    return this.sent;
  }

  /** Settles when this many more sends have been answered, or one was not. */
  async answered(more: number): Promise<void> {
    const goal = this.sent.length + more;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (this.sent.length < goal && this.#errors.length === 0) return;
        this.#listeners.delete(check);
        resolve();
      };
      this.#listeners.add(check);
    });
  }

  #launch(n: number): void {
    const conversation = n % 2 === 0 ? this.#idle.shift() : undefined;
    const sessionId = conversation ?? (n % 4 === 1 ? `${this.#name}-new-${n}` : undefined);
    const dialect = (n >> 2) % 2 === 0 ? 'v03' : 'v1';
    const url = this.#urls[(n >> 3) % this.#urls.length] ?? '';
    const sending = sendOnce(url, dialect, `${this.#name} ${n} ${planted('content')}`, sessionId)
      .then((sent) => {
        this.sent.push(sent);
      })
      .catch((error: unknown) => {
        this.#errors.push(error);
      })
      .finally(() => {
        this.#inFlight.delete(sending);
        if (conversation !== undefined) this.#idle.push(conversation);
        for (const listener of this.#listeners) listener();
      });
    this.#inFlight.add(sending);
  }
}

export const isCompleted = ({ state }: Sent): boolean => /^(TASK_STATE_COMPLETED|completed)$/.test(state);

/** Session -> texts of the sends that were acknowledged, in their order. */
export function acknowledged(sent: readonly Sent[]): Map<string, string[]> {
  const sessions = new Map<string, string[]>();
  for (const { sessionId, text, taskId } of sent) {
    if (taskId === '') continue;
    const texts = sessions.get(sessionId) ?? [];
    texts.push(text);
    sessions.set(sessionId, texts);
  }
  return sessions;
}

export const slowest = (sent: readonly Sent[]): number =>
  Math.max(0, ...sent.map(({ beganAt, endedAt }) => endedAt - beganAt));
