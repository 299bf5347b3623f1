import { expect } from 'chai';
import { V01 } from '../../../protocol/dialects/v01.ts';
import { V03 } from '../../../protocol/dialects/v03.ts';
import { V1 } from '../../../protocol/dialects/v1.ts';
import type { TaskPage } from '../../../protocol/model.ts';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import { aMessage, aTask, overTheWire, refusal, TIME, view } from './fixtures.ts';

const { list } = V1;
if (list === undefined) throw new Error('1.0 has a list of tasks');
const decode = (params: unknown) => list.decode(params);
const since = (statusTimestampAfter: unknown) => decode({ statusTimestampAfter }).since;

describe('the list of tasks is asked for', () => {
  it('in 1.0 only', () => {
    expect(V03.list).to.equal(undefined);
    expect(V01.list).to.equal(undefined);
  });

  it('with nothing, or with what an encoder prints for nothing', () => {
    for (const params of [
      undefined,
      null,
      {},
      { contextId: '', status: '', pageToken: '', tenant: '' },
      { status: 'TASK_STATE_UNSPECIFIED', includeArtifacts: false },
      { status: 0, pageSize: null, historyLength: null, statusTimestampAfter: null, includeArtifacts: null },
    ]) {
      expect(decode(params), JSON.stringify(params)).to.deep.equal({ includeArtifacts: false });
    }
  });

  it('with everything there can be', () => {
    const asked = {
      tenant: 'acme',
      contextId: 'c1',
      pageSize: 7,
      pageToken: 'next',
      historyLength: 0,
      includeArtifacts: true,
    };
    const filters = { status: 'TASK_STATE_WORKING', statusTimestampAfter: TIME };
    const decoded = { ...asked, state: 'TASK_STATE_WORKING', since: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
    expect(decode({ ...asked, ...filters, somethingNew: 1 })).to.deep.equal(decoded);
    expect(
      decode({
        tenant: 'acme',
        context_id: 'c1',
        page_size: '7',
        page_token: 'next',
        history_length: '0',
        include_artifacts: true,
        status: 2,
        status_timestamp_after: TIME,
      }),
    ).to.deep.equal(decoded);
  });

  it('by each state, under its name and its number in the proto file', () => {
    for (const [index, state] of TASK_STATES.entries()) {
      expect(decode({ status: state }).state).to.equal(state);
      expect(decode({ status: index + 1 }).state).to.equal(state);
    }
    for (const status of ['working', 'TASK_STATE_UNKNOWN', '1', 9, -1, 1.5, true, [], {}]) {
      expect(
        refusal(() => decode({ status })),
        JSON.stringify(status),
      ).to.deep.equal({ status: `must be one of ${TASK_STATES.join(', ')}` });
    }
  });

  it('in pages of 1 to 100', () => {
    for (const [pageSize, size] of [
      [1, 1],
      ['1', 1],
      [100, 100],
      ['1e2', 100],
      ['50.0', 50],
    ]) {
      expect(decode({ pageSize }).pageSize).to.equal(size);
    }
    for (const pageSize of [0, -0, '0', -1, 101, 1.5, '1.5', 2 ** 31, '', 'x', true, [], NaN]) {
      expect(
        refusal(() => decode({ pageSize })),
        String(pageSize),
      ).to.deep.equal({ pageSize: 'must be an integer from 1 to 100' });
    }
  });

  it('from a moment with any offset and any fraction, rounded up to a millisecond', () => {
    const base = Date.UTC(2026, 0, 2, 3, 4, 5);
    for (const [moment, at] of [
      ['2026-01-02T03:04:05Z', base],
      ['2026-01-02t03:04:05z', base],
      ['2026-01-02T03:04:05.6Z', base + 600],
      ['2026-01-02T03:04:05.678Z', base + 678],
      ['2026-01-02T03:04:05.678000000Z', base + 678],
      ['2026-01-02T03:04:05.678000001Z', base + 679],
      ['2026-01-02T03:04:05.9999Z', base + 1000],
      ['2026-01-02T05:34:05.001+02:30', base + 1],
      ['2026-01-01T19:04:05-08:00', base],
      ['2026-01-02T03:04:05-00:00', base],
      ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
      ['1969-12-31T23:59:59.9991Z', 0],
      ['0001-01-01T00:00:00Z', -62_135_596_800_000],
      ['9999-12-31T23:59:59.999999999Z', 253_402_300_800_000],
    ] as const) {
      expect(since(moment), moment).to.equal(at);
    }
  });

  it('never from something that is no moment', () => {
    for (const moment of [
      '',
      'yesterday',
      '2026-01-02',
      '2026-01-02T03:04:05',
      '2026-01-02 03:04:05Z',
      '2026-02-30T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-02T24:00:00Z',
      '2026-01-02T03:04:60Z',
      '2026-01-02T03:04:05.Z',
      '2026-01-02T03:04:05.1234567891Z',
      '2026-01-02T03:04:05+0100',
      '2026-01-02T03:04:05+24:00',
      '2026-01-02T03:04:05+01:60',
      '0000-12-31T23:59:59Z',
      '9999-12-31T23:59:59-01:00',
      `${TIME}\n`,
    ]) {
      expect(
        refusal(() => since(moment)),
        moment,
      ).to.deep.equal({
        statusTimestampAfter: 'must be an RFC 3339 timestamp, such as 2026-01-02T03:04:05.678Z',
      });
    }
    expect(refusal(() => since(1_767_323_045_678))).to.deep.equal({
      statusTimestampAfter: 'must be a string',
    });
  });

  it('and each bad field is named in the spelling of its caller', () => {
    const params = {
      tenant: 5,
      contextId: 'x'.repeat(257),
      page_size: 0,
      page_token: 'x'.repeat(4097),
      history_length: -1,
      include_artifacts: 'yes',
    };
    expect(refusal(() => decode(params))).to.deep.equal({
      tenant: 'must be a string',
      contextId: 'must be at most 256 bytes of UTF-8',
      page_size: 'must be an integer from 1 to 100',
      page_token: 'must be at most 4096 bytes of UTF-8',
      history_length: 'must be an integer from 0 to 2147483647',
      include_artifacts: 'must be true or false',
    });
    expect(refusal(() => decode([]))).to.deep.equal({ params: 'must be an object' });
    expect(refusal(() => decode({ pageSize: 1, page_size: 1 }))).to.have.keys('page_size');
  });
});

describe('the list of tasks shows', () => {
  const page = (members: Partial<TaskPage> = {}): unknown =>
    overTheWire(
      list.encode({
        tasks: [],
        nextPageToken: '',
        pageSize: 50,
        totalSize: 0,
        includeArtifacts: false,
        ...members,
      }),
    );

  it('all of its members when there is nothing to show', () => {
    expect(page()).to.deep.equal({ tasks: [], nextPageToken: '', pageSize: 50, totalSize: 0 });
  });

  it('artifacts only when asked for, and then also none', () => {
    const bare = { id: 'c1.t1', contextId: 'c1', status: { state: 'TASK_STATE_COMPLETED', timestamp: TIME } };
    const artifacts = [{ artifactId: 'a1', parts: [{ text: 'x' }] }];
    const tasks = [view(aTask()), view(aTask({ artifacts }), { alias: 'mine', dialect: 'v01' })];
    const rest = { nextPageToken: 'next', pageSize: 2, totalSize: 9 };
    expect(page({ tasks, ...rest })).to.deep.equal({ tasks: [bare, bare], ...rest });
    expect(page({ tasks, ...rest, includeArtifacts: true })).to.deep.equal({
      tasks: [
        { ...bare, artifacts: [] },
        { ...bare, artifacts },
      ],
      ...rest,
    });
  });

  it('history where there is some', () => {
    const task = aTask({ history: [aMessage()] });
    expect(page({ tasks: [view(task)] })).to.have.nested.property('tasks[0].history[0].taskId', 'c1.t1');
  });
});
