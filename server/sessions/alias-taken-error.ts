/** The v0.1 id that a new task was to have names another task already, in another session. */
export class AliasTakenError extends Error {
  override readonly name = 'AliasTakenError';
  readonly taskId: string;

  constructor(taskId: string) {
    super('the client task id names another task');
    this.taskId = taskId;
  }
}
