import { expect } from 'chai';
import type { TaskArtifactUpdate } from '../../../protocol/model.ts';
import { toRecords } from '../../../server/a2a/event-records.ts';
import { type RecordBody, toDecided } from '../../../server/sessions/records.ts';
import { Session } from '../../../server/sessions/session.ts';

const BY = 'i.1';

describe('what an agent publishes of an artifact', () => {
  let session: Session;
  const take = (body: RecordBody): void => {
    const { identity, bytes } = toDecided({ instance: 'i', seq: session.head + 1 }, body);
    session.apply({ n: session.head + 1, identity, body, skippable: false, bytes });
  };
  beforeEach(() => {
    session = new Session({ tenant: 't', sessionId: 's' }, 'e');
    take({ t: 'created', at: 1 });
    take({ t: 'task', at: 1, task: 'a', by: BY });
  });

  const publish = (texts: string[], over: Partial<TaskArtifactUpdate> = {}): RecordBody[] => {
    const artifact = { artifactId: 'x', parts: texts.map((text) => ({ text })) };
    const data = { taskId: 's.a', contextId: 's', artifact, ...over };
    const facts = { local: 'a', by: BY, given: undefined, isRevealed: true };
    const records = toRecords({ kind: 'artifactUpdate', data }, facts, session, 2);
    records.forEach(take);
    return records;
  };
  const appends = (records: RecordBody[]): boolean[] => records.map((record) => 'append' in record);

  it('begins an artifact when it is appended to one that is not there, and adds from then on', () => {
    expect(appends(publish(['one'], { append: true }))).to.deep.equal([false]);
    expect(appends(publish(['two'], { append: true }))).to.deep.equal([true]);
    expect(appends(publish([], { append: true, lastChunk: true }))).to.deep.equal([true]);
    expect(session.task('a')?.toTask('s').artifacts).to.deep.equal([
      { artifactId: 'x', parts: [{ text: 'one' }, { text: 'two' }] },
    ]);
  });

  it('is nothing when it only says that nothing is over', () => {
    expect(publish([], { append: true, lastChunk: true })).to.deep.equal([]);
  });
});
