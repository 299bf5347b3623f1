/** How messages and tasks are shown to an executor. What it is given is a copy, in every form. */
import type { Message, Task } from '../../protocol/model.ts';
import type { AgentFormat } from './agent-format.ts';
import { JSON_FORM } from './json-form.ts';
import { LEGACY_FORM } from './legacy-form.ts';
import { SDK_FORM } from './sdk-form.ts';

/** The declared types are those of the JSON form, which our own executors are written against. */
export interface Form {
  message(message: Message): Message;
  task(task: Task): Task;
}

export const FORMS: Readonly<Record<AgentFormat, Form>> = {
  json: JSON_FORM,
  'sdk-1': SDK_FORM,
  'sdk-0.3': LEGACY_FORM,
};
