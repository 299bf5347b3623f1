/** Who shares sessions is decided once for a store, and everything that walks over a store goes on finding all of it. */
import { expect } from 'chai';
import { StartError } from '../../server/backend.ts';
import { createServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { problemsOf } from '../helpers/config.ts';
import { useFiles, useFolder } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { useRedis } from '../helpers/redis.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';
import { TEST_ENV } from '../helpers/server.ts';

const SECRET = withKey('ann-1');

describe('A2A_SCOPE', () => {
  const files = useFiles();
  const folder = useFolder();
  const redis = useRedis();
  const keys = files.write('keys.json', keysFile({ key: 'ann-1', tenant: 'acme', subject: 'ann@acme/1' }));
  const stores: [string, () => Record<string, string>][] = [
    ['redis', () => ({ A2A_STORE: 'redis', ...redis.server.env, A2A_KEY_PREFIX: redis.prefix })],
    ['lmdb', () => ({ A2A_STORE: 'lmdb', A2A_DATA_DIR: folder.path })],
  ];

  it('is refused as subject where everybody is the same one', () => {
    expect(problemsOf({ A2A_SCOPE: 'subject' })).to.deep.equal([
      'A2A_SCOPE: must be tenant without credentials, because everybody is the same subject',
    ]);
    expect(problemsOf({ A2A_SCOPE: 'subject', A2A_API_KEYS_FILE: keys })).to.deep.equal([]);
  });

  for (const [kind, env] of stores) {
    const start = async (scope: string) => {
      const logDestination = new LogLines();
      const config = parseConfig({ ...TEST_ENV, ...env(), A2A_SCOPE: scope, A2A_API_KEYS_FILE: keys });
      const server = await createServer(config, { logDestination });
      try {
        const { url } = await server.listen();
        return { server, url };
      } catch (error) {
        await server.close();
        throw error;
      }
    };

    it(`is kept in ${kind}: another one does not start, and the same finds what was there`, async () => {
      for (const [first, other] of [
        ['subject', 'tenant'],
        ['subject', 'tenant'],
      ] as const) {
        const { server, url } = await start(first);
        const sent = await call(url, 'SendMessage', sendV1('m', 'recall', 'c'), { ...V1, ...SECRET });
        expect(sent.json.error).to.equal(undefined);
        await server.close();
        const error: unknown = await start(other).catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(StartError);
        expect((error as Error).message).to.match(/^A2A_SCOPE is tenant, but .* was set up with subject/);
      }
      const { server, url } = await start('subject');
      const list = await call(url, 'ListTasks', {}, { ...V1, ...SECRET });
      await server.close();
      expect(list.json).to.have.nested.property('result.totalSize').that.is.at.least(1);
    });

    it(`is tenant in a ${kind} from before there was one`, async () => {
      const { server } = await start('tenant');
      await server.close();
      if (kind === 'redis') await redis.client.hdel(`${redis.prefix}:1:{reg}:settings`, 'scope');
      const error: unknown = await start('subject').catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(StartError);
    });
  }
});
