import { expect } from 'chai';
import { newId, memberOf, say, taskIn } from '../conformance/said.ts';
import { Wire } from '../conformance/wire.ts';
import { useServer } from '../helpers/server.ts';

describe('a Last-Event-ID that leads nowhere', () => {
  const server = useServer();
  const client = new Wire(() => server.url, 'v1');

  async function ended(text: string): Promise<{ id: string; epoch: string; last: string }> {
    const frames = await (
      await client.stream('SendStreamingMessage', say(text, { contextId: newId() }))
    ).rest();
    const last = frames.at(-1)?.id ?? '';
    return { id: taskIn(frames[0]?.result ?? {}).id, epoch: last.split('.')[0] ?? '', last };
  }

  it('begins with the task as it stands, also when that has ended, whatever it is', async () => {
    const { id, epoch, last } = await ended('slow 3 1');
    const other = await ended('slow 9 1');
    const cursors = [
      ...[
        'junk',
        '.',
        '..',
        '~',
        '.0',
        '.5~x.1',
        '.0~unknown.1',
        'é.1',
        '%00',
        '__proto__.1',
        'constructor.0',
      ],
      ...['', '-1', '1e3', '01', '1.2', '9'.repeat(300), '999999', '9007199254740992'].map(
        (n) => `${epoch}.${n}`,
      ),
      ...['unknown.3', 'unknown.', '.3', 'a.0', '__proto__.3', 'toString.1'].map((of) => `${epoch}.5~${of}`),
      ...[
        `${last}, ${last}`,
        `"${last}"`,
        other.last,
        'x'.repeat(256),
        'x'.repeat(1_025),
        'x'.repeat(10_000),
      ],
    ];
    for (const cursor of cursors) {
      const stream = await client.stream('SubscribeToTask', { id }, { 'Last-Event-ID': cursor });
      const frames = await stream.rest();
      expect(
        frames.map(({ result }) => memberOf(result)),
        cursor.slice(0, 40),
      ).to.deep.equal(['task']);
      expect(taskIn(frames[0]?.result ?? {}).id).to.equal(id);
      expect(frames[0]?.id).to.equal(last);
    }
  });
});
