import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { useServer } from '../../helpers/server.ts';
import { becomes, DIALECTS, get, newId, type Seen, send } from './conversation.ts';

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

for (const store of ['memory', 'lmdb']) {
  describe(`many sends at once, with ${store} and few sessions in memory`, () => {
    const folder = join(tmpdir(), `holdfast-many-${randomUUID()}`);
    const used = useServer(undefined, {
      A2A_STORE: store,
      A2A_DATA_DIR: folder,
      A2A_CACHE_MAX_SESSIONS: '70',
      // the tests are about order, not about a slow disk
      A2A_BLOCKING_TIMEOUT_SECONDS: '15',
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it('to one session are all there, each once, and each has its own task', async () => {
      const session = newId('one');
      const texts = times(60, (i) => `text ${i}`);
      const answers = await Promise.all(
        texts.map((text, i) => send(used.url, DIALECTS[i % 3] ?? 'v1', text, { session })),
      );
      expect(answers.map(({ artifacts }) => artifacts[0])).to.deep.equal(
        texts.map((text) => `echo: ${text}`),
      );
      expect(new Set(answers.map(({ id }) => id)).size).to.equal(60);
      const recalled = await send(used.url, 'v1', 'recall', { session });
      expect(recalled.artifacts[0]?.split('\n')).to.have.members(texts).and.have.length(60);
    });

    it('to many sessions stay in theirs, through evictions', async () => {
      const sessions = times(120, () => newId('many'));
      const round = async (text: string): Promise<Seen[]> => {
        const seen: Seen[] = [];
        for (let i = 0; i < sessions.length; i += 40) {
          const some = sessions.slice(i, i + 40);
          seen.push(
            ...(await Promise.all(
              some.map((session, j) =>
                send(used.url, DIALECTS[j % 3] ?? 'v1', `${text} of ${session}`, { session }),
              ),
            )),
          );
        }
        return seen;
      };
      const first = await round('first');
      await round('second');
      for (const [i, session] of sessions.entries()) {
        const { artifacts } = await send(used.url, 'v1', 'recall', { session });
        expect(artifacts).to.deep.equal([`first of ${session}\nsecond of ${session}`]);
        const { id } = first[i] as Seen;
        expect((await get(used.url, 'v03', id)).artifacts).to.deep.equal([`echo: first of ${session}`]);
      }
      expect(used.logs.of('session_rehydrated').length).to.be.greaterThan(100);
    });

    it('go on with interrupted tasks whose sessions were evicted', async () => {
      const asked = await Promise.all(
        times(40, () => send(used.url, 'v1', 'input', { session: newId('q') })),
      );
      await Promise.all(times(60, () => send(used.url, 'v1', 'other')));
      const said = await Promise.all(
        asked.map(({ id: task }, i) => send(used.url, 'v1', `answer ${i}`, { task })),
      );
      for (const [i, { state, artifacts }] of said.entries()) {
        expect([state, ...artifacts]).to.deep.equal(['completed', `echo: input\nanswer ${i}`]);
      }
    });

    it('that do not wait complete as well', async () => {
      const begun = await Promise.all(
        times(50, () => send(used.url, 'v03', 'slow 3 5', { session: newId('slow'), blocking: false })),
      );
      for (const { id } of begun) {
        const { artifacts } = await becomes(used.url, 'v03', id, 'completed');
        expect(artifacts).to.deep.equal(['chunk 0|chunk 1|chunk 2']);
      }
    });
  });
}
