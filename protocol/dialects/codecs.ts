import type { Dialect, TaskView } from '../model.ts';
import type { Codec } from './codec.ts';
import { V01 } from './v01.ts';
import { V03 } from './v03.ts';
import { V1 } from './v1.ts';

export const CODECS: Readonly<Record<Dialect, Codec>> = { v1: V1, v03: V03, v01: V01 };

/**
 * The dialect in which a task is shown. A method whose name 0.1 and 0.3 share, called without a version, is answered
 * in the dialect that made the task, or its 0.1 client would meet the `kind` of 0.3; every other call in its own.
 */
export function answerDialect(
  call: { dialect: Dialect; legacy: boolean },
  view: Pick<TaskView, 'dialect'>,
): Dialect {
  return call.legacy && view.dialect === 'v01' ? 'v01' : call.dialect;
}
