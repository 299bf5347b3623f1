import { expect } from 'chai';
import { useServer } from '../../helpers/server.ts';
import { becomes, cancel, DIALECTS, newId, send } from './conversation.ts';

describe('the demo agent over HTTP', () => {
  const used = useServer();

  for (const dialect of DIALECTS) {
    describe(`in ${dialect}`, () => {
      it('echoes', async () => {
        const seen = await send(used.url, dialect, 'hello');
        expect(seen).to.include({ kind: 'task', state: 'completed', says: '' });
        expect(seen.artifacts).to.deep.equal(['echo: hello']);
        expect(seen.reply.headers.get('a2a-persistence')).to.equal('stored');
      });

      it('recalls and counts', async () => {
        const session = newId('s');
        await send(used.url, dialect, 'one', { session });
        await send(used.url, dialect, 'two', { session });
        expect((await send(used.url, dialect, 'recall', { session })).artifacts).to.deep.equal(['one\ntwo']);
        expect((await send(used.url, dialect, 'count', { session })).artifacts).to.deep.equal(['4']);
      });

      it('answers msg with a bare message, or with a task to those who know only tasks', async () => {
        const session = newId('s');
        const seen = await send(used.url, dialect, 'msg hi', { session });
        expect(seen).to.include({ session, says: 'echo: hi' });
        if (dialect === 'v01') expect(seen).to.include({ kind: 'task', state: 'completed' });
        else expect(seen).to.include({ kind: 'message' });
        expect((await send(used.url, dialect, 'recall', { session })).artifacts).to.deep.equal(['msg hi']);
      });

      for (const [verb, v01, others] of [
        ['input', 'input-required', 'input-required'],
        ['auth', 'input-required', 'auth-required'],
      ] as const) {
        it(`stops at ${verb} and goes on with the answer`, async () => {
          const session = newId('s');
          const task = newId('t');
          const asked = await send(used.url, dialect, verb, {
            session,
            ...(dialect === 'v01' ? { task } : {}),
          });
          expect(asked).to.include({ kind: 'task', state: dialect === 'v01' ? v01 : others });
          const said = await send(used.url, dialect, 'blue', { session, task: asked.id, historyLength: 9 });
          expect(said).to.include({ id: asked.id, session, state: 'completed' });
          expect(said.artifacts).to.deep.equal([`echo: ${verb}\nblue`]);
          // It may have said why it stops.
          const byClient = said.history.filter((line) => line.startsWith('user: '));
          expect(byClient).to.deep.equal([`user: ${verb}`, 'user: blue']);
        });
      }

      it('rejects', async () => {
        const seen = await send(used.url, dialect, 'reject');
        expect(seen.state).to.equal(dialect === 'v01' ? 'failed' : 'rejected');
        expect(seen.artifacts).to.deep.equal([]);
      });

      it('fails cleanly when the executor throws', async () => {
        const seen = await send(used.url, dialect, 'boom', { historyLength: 0 });
        expect(seen).to.include({ kind: 'task', state: 'failed', says: 'The agent failed.' });
        expect(seen.reply.text).to.not.match(/boom|at .*\.ts|Error/);
        expect(used.logs.of('agent_failed')).to.have.length(1);
      });

      it('makes an artifact of any size', async () => {
        const seen = await send(used.url, dialect, 'big 100000');
        expect(seen.artifacts).to.deep.equal(['x'.repeat(100_000)]);
      });

      it('keeps notes in the session', async () => {
        const session = newId('s');
        await send(used.url, dialect, 'state colour deep blue', { session });
        const seen = await send(used.url, dialect, 'state colour', { session });
        expect(seen.artifacts).to.deep.equal(['deep blue']);
        expect((await send(used.url, dialect, 'state colour')).artifacts).to.deep.equal(['']);
      });

      it('works slowly, chunk by chunk, into one artifact', async () => {
        const seen = await send(used.url, dialect, 'slow 4 5');
        expect(seen).to.include({ state: 'completed' });
        expect(seen.artifacts).to.deep.equal(['chunk 0|chunk 1|chunk 2|chunk 3']);
      });

      it('is canceled while it works slowly', async () => {
        const session = newId('s');
        const task = newId('t');
        const answer = send(used.url, dialect, 'slow 2 60000', {
          session,
          blocking: false,
          ...(dialect === 'v01' ? { task } : {}),
        });
        const id = dialect === 'v01' ? task : (await answer).id;
        await becomes(used.url, dialect, id, 'working');
        expect(await cancel(used.url, dialect, id)).to.include({ id, session, state: 'canceled' });
        await answer;
      });
    });
  }
});
