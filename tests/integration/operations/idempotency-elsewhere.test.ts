import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { useOutage } from '../../helpers/outage.ts';
import { readSessions, SHELF, taskIds, userTexts } from '../../helpers/stored-sessions.ts';
import { DIALECTS, sendParams, sendRaw } from './conversation.ts';

const PAIRS = 50 * DIALECTS.length;

describe('one send that reaches two servers on one redis at once', function () {
  this.timeout(30_000);
  const outage = useOutage({ appendonly: false });

  it('is one task, fifty times in each dialect, in a session and without one', async () => {
    const servers = await Promise.all([outage.serve(), outage.serve()]);
    const sendTwice = async (n: number): Promise<string | undefined> => {
      const dialect = DIALECTS[n % DIALECTS.length]!;
      const session = [undefined, 'here', `in ${n}`][Math.floor(n / DIALECTS.length) % 3];
      const place = { messageId: `m${n}`, ...(dialect === 'v01' && { task: `t${n}` }) };
      const params = sendParams(dialect, `slow 2 ${300 + n}`, { ...place, ...(session && { session }) });
      const [one, two] = await Promise.all(servers.map(({ url }) => sendRaw(url, dialect, params)));
      for (const seen of [one, two])
        expect([seen?.state, seen?.artifacts[0]], `${dialect}: ${seen?.reply.text ?? ''}`).to.deep.equal([
          'completed',
          'chunk 0|chunk 1',
        ]);
      expect(one?.id, dialect).to.equal(two?.id);
      return one?.id;
    };
    const ids: Promise<string | undefined>[] = [];
    for (let n = 0; n < PAIRS; n += 1) {
      ids.push(sendTwice(n));
      // Two at once, not all: servers that have too much to do answer without the store, each for itself.
      const isStored = eventually(async () => (await outage.client.zcard(`${SHELF}tasks`)) > n);
      await Promise.race([isStored, Promise.all(ids)]);
    }
    expect(new Set(await Promise.all(ids)).size).to.equal(PAIRS);
    const stored = [...(await readSessions(outage.client)).values()];
    expect(stored.flatMap(taskIds)).to.have.length(PAIRS);
    expect(stored.flatMap(userTexts)).to.have.length(PAIRS);
  });
});
