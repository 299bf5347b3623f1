/** What is logged of the encryption of records. Part of `LOG_EVENTS`. */
export const SEALING_LOG_EVENTS = {
  encryption_keys_read: {
    level: 'info',
    meaning:
      'the file of encryption keys has changed and was read again; new records are sealed with the key `active`',
    action:
      'Nothing. See "Rotate the encryption keys" in the runbook: every instance says this once per change.',
  },
  encryption_keys_refused: {
    level: 'error',
    meaning:
      'the file of encryption keys has changed and is not usable; the keys read before still seal and open',
    action: 'Correct what `problems` names before the next start: that would be refused.',
  },
  encryption_keys_exposed: {
    level: 'warn',
    meaning:
      'others than its owner and its group may read the file of encryption keys, or others than its owner may change it',
    action: 'Make it `chmod 640` or less: whoever reads it reads every session.',
  },
  record_unopened: {
    level: 'error',
    meaning:
      'a stored record, or the content of a task summary, does not open; it is set aside like a damaged one',
    action:
      '`unknown-key`: put the key `keyId` back into the file. Else somebody has written to the store: see "A record does not open" in the runbook.',
  },
} as const;
