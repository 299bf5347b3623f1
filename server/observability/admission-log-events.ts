/** What is logged of credentials and of limits at the door. A part of {@link LOG_EVENTS}. */
export const ADMISSION_LOG_EVENTS = {
  credentials_missing: {
    level: 'warn',
    meaning:
      'reachable from other machines without credentials configured: whoever reaches it is served, and all as the same caller',
    action: 'Set A2A_API_KEYS_FILE, or A2A_JWT_JWKS_URL, or HOST to a loopback address.',
  },
  api_keys_read: {
    level: 'info',
    meaning: 'the file of API keys has changed and was read again; its keys hold from now on',
    action: 'Nothing.',
  },
  api_keys_refused: {
    level: 'error',
    meaning: 'the file of API keys has changed and is not usable; the keys read before still hold',
    action: 'Correct what `problems` names. Keys that were taken out still work until then.',
  },
  api_keys_exposed: {
    level: 'warn',
    meaning: 'others than its owner may read the file of API keys, or change it, or its group may change it',
    action: 'Give it the mode 0600, or 0640 where the server reads it by its group.',
  },
  jwt_keys_read: {
    level: 'info',
    meaning: 'the public keys of tokens were read, and are others than before or could not be had before',
    action: 'Nothing.',
  },
  jwt_keys_refused: {
    level: 'error',
    meaning: 'the file of public keys has changed and is not usable; the keys read before still hold',
    action: 'Correct what `problems` names. Tokens of keys that were taken out still work until then.',
  },
  jwt_keys_unavailable: {
    level: 'error',
    meaning:
      'the public keys of tokens could not be read from A2A_JWT_JWKS_URL; known keys hold for 24 h, tokens of others are answered 503',
    action: 'Look at the `error`, and whether the issuer is reachable. One line until it works again.',
  },
  rate_limited: {
    level: 'warn',
    meaning: 'callers of a tenant are refused with 429, because the rate of their tier is reached',
    action:
      'Nothing, or another tier or rate in A2A_TIERS_FILE. At most one line a minute for each tenant; holdfast_rate_refused_total counts.',
  },
  quota_refused: {
    level: 'warn',
    meaning: 'a tenant has as much as the tier of its callers allows (`limit`), and more is refused',
    action:
      'Nothing, or another tier or limit in A2A_TIERS_FILE. At most one line a minute for each tenant and limit; holdfast_quota_refused_total counts.',
  },
  quota_exceeded: {
    level: 'warn',
    meaning:
      'what was admitted while the store was away is stored, and the tenant has more than its limit: `tooMany` more',
    action:
      'Nothing: all of it is kept, and more is refused until there is room. At most one line a minute for each tenant and limit; holdfast_quota_exceeded_total counts.',
  },
  credentials_turned_away: {
    level: 'warn',
    meaning:
      'an address has shown so many wrong credentials that unknown ones from it are refused unread, with 429',
    action:
      'Look who calls from there. When it is that of your proxy, set A2A_TRUST_PROXY_HOPS. At most one line a minute for each address.',
  },
  connections_full: {
    level: 'warn',
    meaning: 'there are A2A_MAX_CONNECTIONS connections; more are closed unanswered',
    action: 'Look who opens them, or raise the bound and the limit of open files. At most one line a minute.',
  },
} as const;
