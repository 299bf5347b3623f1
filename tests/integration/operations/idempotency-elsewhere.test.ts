import { expect } from 'chai';
import { useOutage } from '../../helpers/outage.ts';
import { readSessions, taskIds, userTexts } from '../../helpers/stored-sessions.ts';
import { DIALECTS, sendParams, sendRaw } from './conversation.ts';

const PAIRS = 50;

describe('one send that reaches two servers on one redis at once', function () {
  this.timeout(30_000);
  const outage = useOutage({ appendonly: false });

  for (const dialect of DIALECTS) {
    it(`is one task in ${dialect}, fifty times, in a session and without one`, async () => {
      const servers = await Promise.all([outage.serve(), outage.serve()]);
      const pairs = Array.from({ length: PAIRS }, async (_, n) => {
        const session = [undefined, 'here', `in ${n}`][n % 3];
        const place = { messageId: `m${n}`, ...(dialect === 'v01' && { task: `t${n}` }) };
        const params = sendParams(dialect, `slow 2 ${300 + n}`, { ...place, ...(session && { session }) });
        const [one, two] = await Promise.all(servers.map(({ url }) => sendRaw(url, dialect, params)));
        for (const seen of [one, two])
          expect([seen?.state, seen?.artifacts[0]], seen?.reply.text).to.deep.equal([
            'completed',
            'chunk 0|chunk 1',
          ]);
        expect(one?.id).to.equal(two?.id);
        return one?.id;
      });
      expect(new Set(await Promise.all(pairs)).size).to.equal(PAIRS);
      const stored = [...(await readSessions(outage.client)).values()];
      expect(stored.flatMap(taskIds)).to.have.length(PAIRS);
      expect(stored.flatMap(userTexts)).to.have.length(PAIRS);
    });
  }
});
