/**
 * Takes one entry out of an index whose session is not there.
 *
 * KEYS 1 session · 2 sessions · 3 index, or the aliases · ARGV 1 session id · 2 member, or task · 3 '1': the aliases
 */
export const DROP = `
if redis.pcall('HEXISTS', KEYS[1], 'v') ~= 0 or redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[3], ARGV[2])
else
  for field in string.gmatch(redis.call('HGET', KEYS[3], ARGV[2]) or '', '%S+') do
    if redis.call('HGET', KEYS[3], field) == ARGV[2] then redis.call('HDEL', KEYS[3], field) end
  end
  redis.call('HDEL', KEYS[3], ARGV[2])
end
return 1
`;
