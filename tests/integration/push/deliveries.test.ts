import { StreamResponse } from '@a2a-js/sdk';
import { expect } from 'chai';
import type { Decide } from '../../../server/sessions/change.ts';
import { eventually } from '../../helpers/eventually.ts';
import { planted } from '../../helpers/overheard.ts';
import { moveTo, refOf } from '../../helpers/sessions.ts';
import { chunk, push, status, told, usePushing, withWebhook } from './pushing.ts';
import { Receiver } from './receiver.ts';
import { useMemoryOpener, useRedisOpener } from './stores.ts';

for (const [name, useOpener] of [
  ['memory', useMemoryOpener],
  ['redis', useRedisOpener],
] as const) {
  describe(`webhooks on ${name}`, () => {
    const at = usePushing(useOpener);

    it('are told every change of status and every whole artifact, in order, once', async () => {
      const pushing = await at.start();
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      await session.change(moveTo('t1', 'TASK_STATE_WORKING'));
      await session.change(chunk('t1', { artifactId: 'a', parts: [{ text: 'one ' }] }, { last: false }));
      await session.change(chunk('t1', { artifactId: 'a', parts: [{ text: 'two ' }] }, { append: true }));
      await session.change(
        chunk('t1', { artifactId: 'a', parts: [{ text: 'three' }] }, { append: true, last: true }),
      );
      await session.change(chunk('t1', { artifactId: 'b', parts: [{ text: 'whole' }] }));
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await at.receives(4);
      await at.isQuiet(pushing);
      expect(told(at.receiver.received)).to.deep.equal([
        'TASK_STATE_WORKING',
        'artifact a',
        'artifact b',
        'TASK_STATE_COMPLETED',
      ]);
      expect(at.receiver.received[1]?.body).to.deep.equal({
        artifactUpdate: {
          taskId: 's1.t1',
          contextId: 's1',
          artifact: { artifactId: 'a', parts: [{ text: 'one ' }, { text: 'two ' }, { text: 'three' }] },
          lastChunk: true,
        },
      });
      expect(pushing.counted).to.deep.equal({ ok: 4 });
      for (const { body } of at.receiver.received)
        expect(StreamResponse.toJSON(StreamResponse.fromJSON(body))).to.deep.equal(body);
    });

    it('that fail for a while are told everything in order once they work, and nothing after it', async () => {
      const pushing = await at.start({ maxTries: 50 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      let broken = true;
      const taken: string[] = [];
      at.receiver.reply = (request) => {
        if (broken) return 503;
        taken.push(...told([request]));
        return 200;
      };
      const texts = Array.from({ length: 10 }, (_, i) => `status ${i}`);
      for (const text of texts) await session.change(status('t1', text));
      await at.receives(5);
      broken = false;
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await eventually(() => {
        expect(taken).to.deep.equal([...texts, 'TASK_STATE_COMPLETED']);
      });
      await at.isQuiet(pushing);
      const { length } = at.receiver.received;
      await pushing.dispatcher.poll();
      await pushing.dispatcher.poll();
      expect(at.receiver.received.length).to.equal(length);
      expect(at.receiver.mostBusy).to.equal(1);
    });

    it('are not kept waiting by one another, in one session and in several', async () => {
      const slow = new Receiver();
      await slow.listen();
      slow.reply = () => 'hang';
      try {
        const allow = [at.receiver.origin, slow.origin];
        const pushing = await at.start({ allow, timeoutMs: 60_000, holdMs: 60_000, slots: { perOrigin: 1 } });
        const session = await withWebhook(pushing, `${slow.origin}/hook`);
        await session.change(push('t1', 'w2', `${at.receiver.origin}/hook`));
        await session.change(status('t1', 'first'));
        await eventually(() => slow.received.length === 1);
        await session.change(status('t1', 'second'));
        await at.receives(2);
        const crowded = await withWebhook(pushing, `${slow.origin}/hook`, { ref: refOf('s2') });
        await crowded.change(status('t1', 'waits'));
        const other = await withWebhook(pushing, `${at.receiver.origin}/hook`, { ref: refOf('s3') });
        await other.change(status('t1', 'third'));
        await at.receives(3);
        expect(told(at.receiver.received)).to.deep.equal(['first', 'second', 'third']);
        expect(slow.received).to.have.length(1);
      } finally {
        await slow.close();
      }
    });

    it('decide by Retry-After how long the next attempt waits at least', async () => {
      const pushing = await at.start({ backoffMs: () => 1 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      const times: number[] = [];
      at.receiver.reply = () => {
        times.push(performance.now());
        return times.length === 1 ? { status: 429, headers: { 'Retry-After': '1' } } : 200;
      };
      await session.change(status('t1', 'first'));
      await at.receives(2);
      await at.isQuiet(pushing);
      expect(times[1]! - times[0]!).to.be.at.least(990);
      expect(pushing.counted).to.deep.equal({ failed: 1, ok: 1 });
    });

    it('get their token, their credentials and the version that they were registered in', async () => {
      const pushing = await at.start();
      const config = {
        token: planted('push-token'),
        authentication: { schemes: ['Bearer', 'Basic'], credentials: planted('credentials') },
      };
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook?key=1#part`, { config });
      await session.change(status('t1', 'first'));
      await at.receives(1);
      const [first] = at.receiver.received;
      expect(first?.path).to.equal('/hook?key=1');
      expect(first?.headers).to.include({
        'content-type': 'application/a2a+json',
        authorization: `Bearer ${planted('credentials')}`,
        'x-a2a-notification-token': planted('push-token'),
        'a2a-version': '1.0',
        'user-agent': 'holdfast/test',
        host: new URL(at.receiver.origin).host,
      });
      await at.isQuiet(pushing);
      expect(JSON.stringify(pushing.logged)).to.not.match(/pl4nted|key=1/);
    });

    it('are told the bare task of that moment in 0.3, and in 0.1', async () => {
      const pushing = await at.start();
      const session = await withWebhook(pushing, `${at.receiver.origin}/three`, { dialect: 'v03' });
      await session.change(push('t1', 'w2', `${at.receiver.origin}/one`, {}, 'v01'));
      const both: Decide = (draft, at) => [
        ...status('t1', 'first')(draft, at),
        ...status('t1', 'second', 'TASK_STATE_COMPLETED')(draft, at),
      ];
      await session.change(both);
      await at.receives(4);
      const of = (path: string) => at.receiver.received.filter((request) => request.path === path);
      const states = (path: string) =>
        of(path).map(({ body }) => (body as { status: { state: string } }).status.state);
      expect(states('/three')).to.deep.equal(['working', 'completed']);
      expect(states('/one')).to.deep.equal(['working', 'completed']);
      expect(of('/three')[0]?.body).to.include({ kind: 'task', id: 's1.t1', contextId: 's1' });
      expect(of('/three')[0]?.headers).to.include({
        'content-type': 'application/json',
        'a2a-version': '0.3',
      });
      expect(of('/one')[0]?.body).to.include({ id: 's1.t1', sessionId: 's1' });
      expect(of('/one')[0]?.headers).to.not.have.property('a2a-version');
      expect(of('/one')[0]?.headers).to.not.have.property('authorization');
    });
  });
}
