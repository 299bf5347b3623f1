import { expect } from 'chai';
import { parseConfig } from '../../server/config.ts';
import { parseTiers } from '../../server/config-tiers.ts';
import { problemsOf } from '../helpers/config.ts';
import { useFiles } from '../helpers/files.ts';

const problems = (value: unknown): readonly string[] => {
  const parsed = parseTiers(value);
  return 'problems' in parsed ? parsed.problems : [];
};

describe('the file of tiers', () => {
  it('gives each tier its limits', () => {
    const tiers = {
      default: { requestsPerSecond: 5, burst: 10 },
      gold: { requestsPerSecond: 50, maxSessions: 1, maxRunningTasks: 1_000_000_000 },
      small: { maxRecordsPerSession: 10, maxBytesPerSession: 1_024, maxWebhooksPerTask: 0 },
      own: {},
    };
    const parsed = parseTiers(tiers);
    expect('value' in parsed && Object.fromEntries(parsed.value)).to.deep.equal(tiers);
  });

  for (const [what, tier, problem] of [
    ['no rate', { requestsPerSecond: 0 }, 'default.requestsPerSecond must be at least 1'],
    ['half a request', { requestsPerSecond: 0.5 }, 'default.requestsPerSecond must be a whole number'],
    ['a text', { requestsPerSecond: '5' }, 'default.requestsPerSecond must be a whole number'],
    ['too many', { requestsPerSecond: 1e9 }, 'default.requestsPerSecond must be at most 1000000'],
    ['a burst below 0', { requestsPerSecond: 1, burst: -1 }, 'default.burst must be at least 0'],
    ['a burst alone', { burst: 5 }, 'default.burst does nothing without requestsPerSecond'],
    ['no sessions', { maxSessions: 0 }, 'default.maxSessions must be at least 1'],
    ['half a task', { maxRunningTasks: 1.5 }, 'default.maxRunningTasks must be a whole number'],
    [
      'a session for nothing',
      { maxRecordsPerSession: 9 },
      'default.maxRecordsPerSession must be at least 10',
    ],
    ['bytes for nothing', { maxBytesPerSession: 1_023 }, 'default.maxBytesPerSession must be at least 1024'],
    ['too many webhooks', { maxWebhooksPerTask: 17 }, 'default.maxWebhooksPerTask must be at most 16'],
    ['what does nothing yet', { sessions: 5 }, 'default.sessions does nothing in this version'],
  ] as const) {
    it(`refuses ${what} with its field and bound`, () => {
      expect(problems({ default: tier })).to.deep.equal([problem]);
    });
  }

  it('refuses names that no tier can have, and a file without the default', () => {
    expect(problems({ 'a b': {} })).to.deep.equal([
      'a?b must be named by 1 to 64 of A-Z a-z 0-9 _ . -',
      'default must be there: it is for every tier that is not in the file',
    ]);
  });
});

describe('the bounds on clients', () => {
  const files = useFiles();

  it('are told of a start that names a file of tiers', () => {
    const path = files.write('tiers.json', { default: { requestsPerSecond: 5 } });
    expect(parseConfig({ A2A_TIERS_FILE: path }).tiers?.get('default')).to.deep.equal({
      requestsPerSecond: 5,
    });
    const wrong = files.write('wrong.json', { default: { requestsPerSecond: 0 } });
    expect(problemsOf({ A2A_TIERS_FILE: wrong })).to.deep.equal([
      'A2A_TIERS_FILE: default.requestsPerSecond must be at least 1',
    ]);
  });

  it('do not let the head take longer than the whole request', () => {
    expect(
      problemsOf({ A2A_HEADERS_TIMEOUT_SECONDS: '30', A2A_REQUEST_TIMEOUT_SECONDS: '20' }),
    ).to.deep.equal([
      'A2A_HEADERS_TIMEOUT_SECONDS: must be at most A2A_REQUEST_TIMEOUT_SECONDS, which is 20, got 30',
    ]);
  });
});
