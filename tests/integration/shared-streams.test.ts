/** Many streams of one task at once: each is told what it would be told alone. */
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { call, sendV01, V1 } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';

const V03 = { 'A2A-Version': '0.3' };

interface Asker {
  readonly id: JsonValue;
  readonly method: string;
  readonly headers: Record<string, string>;
  /** By which the task is asked for. */
  readonly name: 'alias' | 'taskId';
}

const ASKERS: readonly Asker[] = [
  { id: 1, method: 'SubscribeToTask', headers: V1, name: 'taskId' },
  { id: 'two "ü"\n', method: 'SubscribeToTask', headers: V1, name: 'taskId' },
  { id: 3, method: 'tasks/resubscribe', headers: V03, name: 'taskId' },
  { id: null, method: 'tasks/resubscribe', headers: V03, name: 'alias' },
  { id: 'five', method: 'tasks/resubscribe', headers: {}, name: 'alias' },
  { id: 6, method: 'tasks/resubscribe', headers: {}, name: 'taskId' },
];

/** The answer of a stream, unread. */
async function ask(url: string, asker: Asker, task: string, lastEventId?: string): Promise<Response> {
  const { id, method, headers } = asker;
  return fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...headers,
      ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { id: task } }),
  });
}

const cursorIn = (block: string): string | undefined => /^id: (.+)$/m.exec(block)?.[1];

/** What was told behind the first of its cursors, and that cursor. */
function behind(text: string, at = 0): { cursor: string; rest: string } {
  const blocks = text.split('\n\n');
  const marked = blocks.flatMap((block, i) => (cursorIn(block) === undefined ? [] : [i]));
  const from = marked[at] ?? NaN;
  return { cursor: cursorIn(blocks[from] ?? '') ?? '', rest: blocks.slice(from + 1).join('\n\n') };
}

describe('streams of one task in all dialects', () => {
  const server = useServer();

  async function told(text: string): Promise<{ task: Record<Asker['name'], string>; texts: string[] }> {
    const body = { jsonrpc: '2.0', id: 0, method: 'tasks/sendSubscribe', params: sendV01('mine', text) };
    const sent = await fetch(server.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { json } = await call(server.url, 'ListTasks', {}, V1);
    const [listed] = (json.result as { tasks: { id: string }[] }).tasks;
    const task = { alias: 'mine', taskId: listed?.id ?? '' };
    const answers = await Promise.all(ASKERS.map((asker) => ask(server.url, asker, task[asker.name])));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    await sent.text();
    return { task, texts };
  }

  it('are told to the byte what each is told alone, from wherever it goes on', async () => {
    const { task, texts } = await told('slow 60 3');
    for (const [i, asker] of ASKERS.entries()) {
      const text = texts[i] ?? '';
      const name = JSON.stringify(asker);
      expect(text.split('\n\n').length, name).to.be.greaterThan(30);
      for (const line of text.split('\n').filter((one) => one.startsWith('data: '))) {
        const response = JSON.parse(line.slice('data: '.length)) as JsonObject;
        expect(response['id'], name).to.equal(asker.id);
      }
      for (const at of [0, 1, 20]) {
        const { cursor, rest } = behind(text, at);
        const alone = await ask(server.url, asker, task[asker.name], cursor);
        expect(await alone.text(), `${name} behind ${cursor}`).to.equal(rest);
      }
    }
  });

  it('and one that goes on in the middle while the others go on too is told the rest of it', async () => {
    const [asker] = ASKERS;
    if (asker === undefined) throw new Error('nobody asks');
    const body = {
      jsonrpc: '2.0',
      id: 0,
      method: 'tasks/sendSubscribe',
      params: sendV01('mine', 'slow 80 3'),
    };
    const sent = await fetch(server.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { json } = await call(server.url, 'ListTasks', {}, V1);
    const id = (json.result as { tasks: { id: string }[] }).tasks[0]?.id ?? '';
    const whole = await ask(server.url, asker, id);
    const reader = whole.body?.getReader();
    const decoder = new TextDecoder();
    let text = '';
    const read = async (): Promise<boolean> => {
      const step = await reader?.read();
      text += decoder.decode(step?.value as Uint8Array | undefined, { stream: true });
      return step?.done !== true;
    };
    while (text.split('\n\n').length < 20 && (await read()));
    const { cursor } = behind(text, 8);
    const others = await Promise.all([
      ask(server.url, asker, id, cursor),
      ask(server.url, { ...asker, id: 9 }, id, cursor),
    ]);
    const [again, other] = await Promise.all(others.map((answer) => answer.text()));
    while (await read());
    expect(again).to.equal(behind(text, 8).rest);
    expect(other).to.equal(again?.replaceAll('"jsonrpc":"2.0","id":1,', '"jsonrpc":"2.0","id":9,'));
    await sent.text();
  });
});
