/** An index has a type that nobody here gave it. The session it belongs to was not written. */
export class IndexDamagedError extends Error {
  override readonly name = 'IndexDamagedError';
  readonly key: string;

  constructor(key: string) {
    super(`index is damaged: ${key} has the wrong type`);
    this.key = key;
  }
}
