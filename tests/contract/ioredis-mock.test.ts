import { Socket } from 'node:net';
import RedisMock from 'ioredis-mock';
import type { ScriptCommand } from '../../server/stores/redis/script-command.ts';
import { REDIS_OPTIONS, redisHarness } from './redis-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

/**
 * The double hands Lua its own arrays, in which nil is an object and therefore true, and stores numbers as numbers. Redis
 * hands out tables with false, and stores strings. It loses the answer when that is a table which grew, and its TIME
 * jumps by up to a second. It measures strings in characters, not in bytes. Put right in front of our scripts, which are otherwise the real ones.
 */
const asRedisDoes = (lua: string) => `
local real, time = redis, {'${time().join("','")}'}
local function table_of(reply)
  if type(reply) ~= 'userdata' then return reply end
  if tostring(reply) == 'null' then return false end
  local t = {}
  for i = 1, #reply do
    t[i] = reply[i]
    if type(t[i]) == 'userdata' and tostring(t[i]) == 'null' then t[i] = false end
  end
  return t
end
local function strings(...)
  local args = {...}
  for i = 1, #args do
    if type(args[i]) == 'number' then args[i] = string.format('%.17g', args[i]) end
  end
  return table.unpack(args)
end
local redis = {
  call = function(name, ...)
    if name == 'TIME' then return time end
    if name == 'HSTRLEN' then
      local value = table_of(real.call('HGET', strings(...)))
      return value and #value or 0
    end
    return table_of(real.call(name, strings(...)))
  end,
  pcall = function(...) return table_of(real.pcall(strings(...))) end
}
local answer = (function() ${lua} end)()
if type(answer) ~= 'table' then return answer end
return {table.unpack(answer)}
`;

const time = (): string[] => {
  const now = Date.now();
  return [`${Math.floor(now / 1_000)}`, `${(now % 1_000) * 1_000}`];
};

/** A connection that is always new: each command comes with the text of its script. */
function asRedisReads(command: ScriptCommand): string[] {
  const sent = Buffer.from(command.toWritable(new Socket()));
  const args: string[] = [];
  for (let at = sent.indexOf('$'); at < sent.length;) {
    const start = sent.indexOf('\r\n', at) + 2;
    const end = start + Number(sent.toString('latin1', at + 1, start));
    args.push(sent.toString('utf8', start, end));
    at = end + 2;
  }
  return args;
}

let opened = 0;

describeSessionStore('ioredis-mock', {
  open: () => {
    opened += 1;
    // all instances of one port share one keyspace
    const client = new RedisMock({ port: opened });
    const answer = async (command: ScriptCommand) => {
      const [, lua = '', keys, ...args] = asRedisReads(command);
      const reply: unknown = await client.eval(asRedisDoes(lua), Number(keys), ...args);
      const orNull = (value: unknown) => (value === false ? null : value);
      return Array.isArray(reply) ? reply.map(orNull) : orNull(reply);
    };
    const sendCommand = (command: ScriptCommand) =>
      answer(command).then(
        (reply) => {
          command.resolve(reply);
        },
        (error: unknown) => {
          command.reject(error as Error);
        },
      );
    Object.assign(client, { sendCommand, time: () => Promise.resolve(time()) });
    return Promise.resolve(redisHarness(client, client, { ...REDIS_OPTIONS, prefix: `m${opened}` }));
  },
  cannot: {
    close: 'it answers after disconnect() too',
    hints: 'its connections have no life',
    limits: 'its time jumps, and expired sessions with it',
  },
});
