import { expect } from 'chai';
import { V01 } from '../../../protocol/dialects/v01.ts';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { V1 } from '../../../protocol/dialects/v1.ts';
import type { PushConfig, PushConfigView, StreamEvent } from '../../../protocol/model.ts';
import { aMessage, aTask, overTheWire, refusal, TIME, view } from './fixtures.ts';

const URL_ = 'https://hook.example/a?b=1';
const BARE = { url: URL_ };
const GIVEN: PushConfig = {
  url: URL_,
  token: 'tok',
  authentication: { schemes: ['Bearer'], credentials: 'cred' },
};
const STORED: PushConfigView = {
  taskId: 'mine',
  config: {
    ...GIVEN,
    id: 'p1',
    authentication: { schemes: ['Bearer', 'Basic'], credentials: 'never shown' },
  },
};
const UNAUTHENTICATED: PushConfigView = { taskId: 't', config: { id: 'p2', url: URL_ } };

describe('the 1.0 codec reads of webhooks', () => {
  const { push } = V1;

  it('a creation, whose params are the config', () => {
    expect(push.decodeCreate({ taskId: 't', url: URL_ })).to.deep.equal({ taskId: 't', config: BARE });
    const params = {
      tenant: 'acme',
      id: 'p1',
      task_id: 't',
      url: URL_,
      token: 'tok',
      authentication: { scheme: 'Bearer', credentials: 'cred' },
      kind: 'ignored',
    };
    expect(push.decodeCreate(params)).to.deep.equal({
      tenant: 'acme',
      taskId: 't',
      config: { id: 'p1', ...GIVEN },
    });
  });

  it('a creation with what an encoder prints for nothing', () => {
    const params = { taskId: 't', url: URL_, tenant: '', id: '', token: '', authentication: null };
    expect(push.decodeCreate(params)).to.deep.equal({ taskId: 't', config: BARE });
    const authentication = { scheme: 'Basic', credentials: '' };
    expect(push.decodeCreate({ ...params, authentication }).config).to.deep.equal({
      ...BARE,
      authentication: { schemes: ['Basic'] },
    });
  });

  it('a creation only with what is required', () => {
    expect(refusal(() => push.decodeCreate({ authentication: {}, task_id: '' }))).to.deep.equal({
      task_id: 'must not be empty',
      url: 'is required',
      'authentication.scheme': 'is required',
    });
    expect(refusal(() => push.decodeCreate({ url: URL_ }))).to.deep.equal({ taskId: 'is required' });
    expect(refusal(() => push.decodeCreate(undefined))).to.deep.equal({ params: 'is required' });
  });

  it('a get and a deletion, by both ids', () => {
    for (const name of ['decodeGet', 'decodeDelete'] as const) {
      expect(push[name]?.({ task_id: 't', id: 'p1', tenant: 'acme' })).to.deep.equal({
        tenant: 'acme',
        taskId: 't',
        id: 'p1',
      });
      expect(refusal(() => push[name]?.({}))).to.deep.equal({ taskId: 'is required', id: 'is required' });
    }
  });

  it('a list in pages, of which 0 leaves the size to the server and too much gets the greatest', () => {
    expect(push.decodeList?.({ taskId: 't' })).to.deep.equal({ taskId: 't' });
    for (const [pageSize, size] of [
      [0, undefined],
      ['0', undefined],
      [null, undefined],
      ['7', 7],
      [100, 100],
      [101, 100],
      [2 ** 31 - 1, 100],
    ]) {
      const { pageSize: read } = push.decodeList?.({ taskId: 't', pageSize }) ?? {};
      expect(read, String(pageSize)).to.equal(size);
    }
    expect(push.decodeList?.({ taskId: 't', page_token: 'next' })).to.deep.equal({
      taskId: 't',
      pageToken: 'next',
    });
    expect(push.decodeList?.({ taskId: 't', pageToken: '', pageSize: 0 })).to.have.all.keys('taskId');
    expect(refusal(() => push.decodeList?.({ page_size: -1 }))).to.deep.equal({
      taskId: 'is required',
      page_size: 'must be an integer from 0 to 2147483647',
    });
  });
});

describe('the 0.3 codec reads of webhooks', () => {
  const { push } = V03;

  it('a creation', () => {
    const pushNotificationConfig = { id: 'p1', ...GIVEN };
    expect(push.decodeCreate({ taskId: 't', pushNotificationConfig })).to.deep.equal({
      taskId: 't',
      config: pushNotificationConfig,
    });
    const least = { id: null, url: URL_, token: null, authentication: null };
    expect(push.decodeCreate({ taskId: 't', pushNotificationConfig: least }).config).to.deep.equal(BARE);
    expect(
      push.decodeCreate({ taskId: 't', pushNotificationConfig: { url: URL_, token: '' } }),
    ).to.deep.equal({ taskId: 't', config: BARE });
    for (const pushNotificationConfig of [undefined, null]) {
      expect(refusal(() => push.decodeCreate({ id: 't', pushNotificationConfig }))).to.deep.equal({
        taskId: 'is required',
        pushNotificationConfig: 'is required',
      });
    }
    const authentication = { credentials: 'x' };
    expect(
      refusal(() => push.decodeCreate({ taskId: 't', pushNotificationConfig: { authentication } })),
    ).to.deep.equal({
      'pushNotificationConfig.url': 'is required',
      'pushNotificationConfig.authentication.schemes': 'is required',
    });
  });

  it('a get, with the id of the config or by the task alone', () => {
    expect(push.decodeGet({ id: 't', metadata: {} })).to.deep.equal({ taskId: 't' });
    expect(push.decodeGet({ id: 't', pushNotificationConfigId: 'p1' })).to.deep.equal({
      taskId: 't',
      id: 'p1',
    });
  });

  it('a list, whose answer has no further pages, and a deletion', () => {
    expect(push.decodeList?.({ id: 't' })).to.deep.equal({ taskId: 't', pageSize: 100 });
    expect(push.decodeDelete?.({ id: 't', pushNotificationConfigId: 'p1' })).to.deep.equal({
      taskId: 't',
      id: 'p1',
    });
    expect(refusal(() => push.decodeDelete?.({}))).to.deep.equal({
      id: 'is required',
      pushNotificationConfigId: 'is required',
    });
  });
});

describe('the 0.1 codec reads of webhooks', () => {
  const { push } = V01;

  it('a creation, in which null takes the webhook away and an absent one is a mistake', () => {
    expect(push.decodeCreate({ id: 'mine', pushNotificationConfig: { ...GIVEN, id: 'p1' } })).to.deep.equal({
      taskId: 'mine',
      config: GIVEN,
    });
    expect(push.decodeCreate({ id: 'mine', pushNotificationConfig: null })).to.deep.equal({
      taskId: 'mine',
      config: null,
    });
    expect(refusal(() => push.decodeCreate({}))).to.deep.equal({
      id: 'is required',
      pushNotificationConfig: 'is required',
    });
  });

  it('a get, and nothing that came later', () => {
    expect(push.decodeGet({ id: 'mine', metadata: null })).to.deep.equal({ taskId: 'mine' });
    expect(push).to.not.have.any.keys('decodeList', 'decodeDelete', 'encodeConfigs', 'encodeDeleted');
  });
});

describe('a webhook is shown', () => {
  it('in 1.0 flat, with its first scheme', () => {
    const shown = {
      id: 'p1',
      taskId: 'mine',
      url: URL_,
      token: 'tok',
      authentication: { scheme: 'Bearer' },
    };
    const bare = { id: 'p2', taskId: 't', url: URL_ };
    expect(overTheWire(V1.push.encodeConfig(STORED))).to.deep.equal(shown);
    const page = { configs: [STORED, UNAUTHENTICATED], nextPageToken: '' };
    expect(overTheWire(V1.push.encodeConfigs?.(page))).to.deep.equal({
      configs: [shown, bare],
      nextPageToken: '',
    });
    expect(V1.push.encodeConfigs?.({ configs: [], nextPageToken: 'next' })).to.deep.equal({
      configs: [],
      nextPageToken: 'next',
    });
    expect(V1.push.encodeDeleted?.()).to.deep.equal({});
  });

  it('in 0.3 under its task, lists bare', () => {
    const shown = {
      taskId: 'mine',
      pushNotificationConfig: {
        id: 'p1',
        url: URL_,
        token: 'tok',
        authentication: { schemes: ['Bearer', 'Basic'] },
      },
    };
    const bare = { taskId: 't', pushNotificationConfig: { id: 'p2', url: URL_ } };
    expect(overTheWire(V03.push.encodeConfig(STORED))).to.deep.equal(shown);
    const page = { configs: [STORED, UNAUTHENTICATED], nextPageToken: '' };
    expect(overTheWire(V03.push.encodeConfigs?.(page))).to.deep.equal([shown, bare]);
    expect(V03.push.encodeDeleted?.()).to.equal(null);
  });

  it('in 0.1 under its task, without an id of its own, or null when there is none', () => {
    expect(overTheWire(V01.push.encodeConfig(STORED))).to.deep.equal({
      id: 'mine',
      pushNotificationConfig: {
        url: URL_,
        token: 'tok',
        authentication: { schemes: ['Bearer', 'Basic'] },
      },
    });
    expect(V01.push.encodeConfig(UNAUTHENTICATED)).to.deep.equal({
      id: 't',
      pushNotificationConfig: { url: URL_ },
    });
    expect(V01.push.encodeConfig(undefined)).to.equal(null);
  });

  it('without its credentials, in no dialect and no answer', () => {
    for (const { push } of [V1, V03, V01]) {
      const configs = push.encodeConfigs?.({ configs: [STORED], nextPageToken: '' });
      const answers = JSON.stringify([push.encodeConfig(STORED), configs]);
      expect(answers).to.include('Bearer').and.not.include('never shown');
    }
  });
});

describe('a webhook is told', () => {
  const task = view(aTask({ artifacts: [{ artifactId: 'a1', parts: [{ text: 'x' }] }] }), {
    alias: 'mine',
    dialect: 'v01',
  });
  const status = { state: 'TASK_STATE_COMPLETED' as const, timestamp: TIME };
  const update = { taskId: 'c1.t1', contextId: 'c1', status };
  const event: StreamEvent = { kind: 'statusUpdate', update, of: task, final: true };

  it('the event itself in 1.0', () => {
    expect(V1.push.encodeNotification(event, task)).to.deep.equal({
      contentType: 'application/a2a+json',
      body: {
        statusUpdate: {
          taskId: 'c1.t1',
          contextId: 'c1',
          status: { state: 'TASK_STATE_COMPLETED', timestamp: TIME },
        },
      },
    });
    const message = aMessage({ role: 'ROLE_AGENT' });
    expect(V1.push.encodeNotification({ kind: 'message', message }, task).body).to.have.all.keys('message');
    const snapshot: StreamEvent = { kind: 'task', view: task, final: false };
    expect(V1.push.encodeNotification(snapshot, task).body).to.have.all.keys('task');
  });

  it('the task as it stood in 0.3 and 0.1', () => {
    expect(V03.push.encodeNotification(event, task)).to.deep.equal({
      contentType: 'application/json',
      body: {
        kind: 'task',
        id: 'mine',
        contextId: 'c1',
        status: { state: 'completed', timestamp: TIME },
        artifacts: [{ artifactId: 'a1', parts: [{ kind: 'text', text: 'x' }] }],
      },
    });
    expect(V01.push.encodeNotification(event, task)).to.deep.equal({
      contentType: 'application/json',
      body: {
        id: 'mine',
        sessionId: 'c1',
        status: { state: 'completed', timestamp: TIME },
        artifacts: [{ parts: [{ type: 'text', text: 'x' }], index: 0 }],
      },
    });
  });
});
