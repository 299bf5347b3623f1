import { expect } from 'chai';
import type { JsonObject } from '../../../protocol/units.ts';
import { call, V1 } from '../../helpers/rpc.ts';
import { useServer } from '../../helpers/server.ts';
import { newId, send } from './conversation.ts';

describe('ListTasks over HTTP', () => {
  const used = useServer();
  const list = async (params: JsonObject) =>
    (await call(used.url, 'ListTasks', params, V1)).json.result as JsonObject & { tasks: JsonObject[] };

  it('pages through a conversation, with what was asked for', async () => {
    const contextId = newId('s');
    const ids: string[] = [];
    for (const text of ['one', 'two', 'three'])
      ids.unshift((await send(used.url, 'v1', text, { session: contextId })).id);
    const first = await list({ contextId, pageSize: 2 });
    expect(first).to.include({ pageSize: 2, totalSize: 3 });
    const rest = await list({
      contextId,
      pageSize: 2,
      pageToken: first['nextPageToken'] ?? '',
      includeArtifacts: true,
      historyLength: 5,
    });
    expect([...first.tasks, ...rest.tasks].map(({ id }) => id)).to.deep.equal(ids);
    expect(first.tasks[0]).to.not.have.any.keys('artifacts', 'history');
    expect(rest.tasks[0]).to.have.all.keys('id', 'contextId', 'status', 'artifacts', 'history');
    expect(rest['nextPageToken']).to.equal('');
  });

  it('names the token that it does not take', async () => {
    const { error } = (await call(used.url, 'ListTasks', { pageToken: 'mine' }, V1)).json;
    expect(error?.code).to.equal(-32602);
    expect(JSON.stringify(error)).to.contain('pageToken');
  });
});
