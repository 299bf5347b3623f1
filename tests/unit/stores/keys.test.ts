import { expect } from 'chai';
import fc from 'fast-check';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import { spaceOf } from '../../../server/security/space.ts';
import { encodeId } from '../../../server/sessions/session-ref.ts';
import { decodeFullTaskId, decodeId, encodeFullTaskId } from '../../../server/stores/encoded-ids.ts';
import { retryDelayMs } from '../../../server/stores/redis/client.ts';
import { createKeys, fnv1a, indexKeys, stateName } from '../../../server/stores/redis/keys.ts';

const id = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 12 });
const separator = fc.constantFrom(':', '.', '}', '{', '}:s:', '/', '%', '%3A', '-', ' ');

describe('redis keys', () => {
  const keys = createKeys('a2a', 1);
  const sessionKey = (tenant: string, sessionId: string) => keys.session({ tenant, sessionId }).session;

  it('have the layout that operators and other releases know', () => {
    const { session, member, shelf } = keys.session({ tenant: 'acme', sessionId: 'a.b:c' });
    expect([session, member]).to.deep.equal(['a2a:1:{acme.00}:s:a%2Eb%3Ac', 'a%2Eb%3Ac']);
    expect(indexKeys(shelf)).to.deep.equal(
      [
        'sessions',
        'tasks:ids',
        'aliases',
        'tasks',
        'tasks:submitted',
        'tasks:working',
        'tasks:completed',
        'tasks:failed',
        'tasks:canceled',
        'tasks:input-required',
        'tasks:rejected',
        'tasks:auth-required',
        'outbox',
      ].map((name) => `a2a:1:{acme.00}:${name}`),
    );
    expect([keys.instances, keys.tenants, keys.settings]).to.deep.equal(
      ['instances', 'tenants', 'settings'].map((name) => `a2a:1:{reg}:${name}`),
    );
    expect(new Set(TASK_STATES.map(stateName)).size).to.equal(TASK_STATES.length);
  });

  it('of a subject are a shelf of its own in the slots of its tenant', () => {
    const tenant = spaceOf('subject', { tenant: 'acme', subject: 'a:b' });
    const { session, member, shelf } = keys.session({ tenant, sessionId: 'a.b:c' });
    expect([session, member]).to.deep.equal(['a2a:1:{acme.00}:u:a%3Ab:s:a%2Eb%3Ac', 'a%2Eb%3Ac']);
    expect(shelf.sessions).to.equal('a2a:1:{acme.00}:u:a%3Ab:sessions');
    expect(keys.wakes({ tenant, sessionId: 's' })).to.equal('a2a:1:{acme.00}:u:a%3Ab:w:s');
    expect(keys.aliasShelf(tenant, 'a:b', 't').aliases).to.equal('a2a:1:{acme.00}:u:a%3Ab:aliases');
  });

  it('never hold two sessions, wherever the separator stands', () => {
    // random pairs almost never collide: move the separator instead
    fc.assert(
      fc.property(id, id, id, separator, (a, b, c, s) => {
        expect(sessionKey(`${a}${s}${b}`, c)).to.not.equal(sessionKey(a, `${b}${s}${c}`));
        expect(sessionKey(a, b + s)).to.not.equal(sessionKey(a + s, b));
      }),
    );
  });

  it('have one hash tag, made of tenant and bucket only', () => {
    fc.assert(
      fc.property(id, id, fc.integer({ min: 1, max: 64 }), (tenant, sessionId, buckets) => {
        const { session, shelf } = createKeys('a2a', buckets).session({ tenant, sessionId });
        const tag = /\{([^}]*)\}/.exec(session)?.[1];
        expect(tag).to.match(/^[A-Za-z0-9_%-]*\.\d\d$/);
        for (const key of indexKeys(shelf)) expect(/\{([^}]*)\}/.exec(key)?.[1]).to.equal(tag);
        expect(session.split('{')).to.have.length(2);
      }),
    );
  });

  it('put a session into the same bucket for ever', () => {
    // published test vectors of FNV-1a
    expect([fnv1a(''), fnv1a('a'), fnv1a('foobar')]).to.deep.equal([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
    const bucket = (sessionId: string) =>
      createKeys('a2a', 16).session({ tenant: 'acme', sessionId }).shelf.base;
    expect(bucket('a')).to.equal('a2a:1:{acme.12}:');
    expect(bucket('foobar')).to.equal('a2a:1:{acme.08}:');
    expect(
      createKeys('a2a', 16)
        .shelves('acme')
        .map(({ base }) => base),
    )
      .to.include(bucket('a'))
      .and.have.length(16);
  });

  it('refuse a prefix that would move the hash tag, and buckets without number', () => {
    for (const prefix of ['', 'a{b', 'a}b', 'a b']) expect(() => createKeys(prefix, 1)).to.throw(RangeError);
    for (const buckets of [0, 65, 1.5, Number.NaN])
      expect(() => createKeys('a2a', buckets)).to.throw(RangeError);
  });

  it('give back the ids that they were made of', () => {
    fc.assert(
      fc.property(id, (text) => {
        expect(decodeId(encodeId(text))).to.equal(text);
      }),
    );
    for (const taskId of ['s.t', 'a.b.c', 'ü/:.t%', '💡.1']) {
      expect(decodeFullTaskId(encodeFullTaskId(taskId))).to.equal(taskId);
    }
    expect(() => encodeFullTaskId('no-dot')).to.throw(RangeError);
  });
});

describe('reconnecting', () => {
  it('waits longer each time, never longer than a second, and not in step', () => {
    expect([1, 2, 3, 6, 7, 1_000].map((attempt) => retryDelayMs(attempt, 1))).to.deep.equal([
      50, 100, 200, 1_000, 1_000, 1_000,
    ]);
    expect(retryDelayMs(1_000, 0)).to.equal(500);
  });
});
