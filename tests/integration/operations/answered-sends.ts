import type { SendParams } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import type { Service } from './service.ts';

/** A send whose answer is delivered. @returns the task's id, or the text of a bare message */
export async function answered(
  { operations, manager }: Service,
  params: SendParams,
  call: CallContext,
): Promise<string> {
  const answer = await operations.sendMessage(params, call);
  answer.delivered?.();
  await manager.marks.flush();
  const { result } = answer;
  if (result.kind === 'task') return result.view.task.id;
  const [part] = result.message.parts;
  return part !== undefined && 'text' in part ? part.text : '';
}
