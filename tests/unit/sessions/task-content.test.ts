import { expect } from 'chai';
import fc from 'fast-check';
import { fromNear, toNear } from '../../../protocol/units.ts';
import type { StoredMessage } from '../../../server/sessions/records.ts';
import { MessageEntry } from '../../../server/sessions/task-content.ts';
import { TaskFold } from '../../../server/sessions/task-fold.ts';

const AT = 1_700_000_000_000;

type Step =
  { readonly say: string } | { readonly id: string; readonly text: string; readonly append: boolean };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ say: fc.constantFrom('one', 'two') }),
    fc.record({ id: fc.constantFrom('a', 'b', 'c'), text: fc.constantFrom('x', 'y'), append: fc.boolean() }),
  ),
  { maxLength: 6 },
);

/** What came of the steps, in plain arrays and a plain Map. */
class Plain {
  readonly said: string[] = [];
  readonly artifacts = new Map<string, string>();

  take(step: Step): void {
    if ('say' in step) this.said.push(step.say);
    else {
      const before = step.append ? (this.artifacts.get(step.id) ?? '') : '';
      this.artifacts.set(step.id, before + step.text);
    }
  }
}

function take(task: TaskFold, step: Step): void {
  if ('say' in step) {
    const message = { messageId: 'm', role: 'ROLE_USER' as const, parts: [{ text: step.say }] };
    task.addMessage(new MessageEntry(1, AT, 't1', message));
    return;
  }
  const artifact = { artifactId: step.id, parts: [{ text: step.text }] };
  const record = { t: 'artifact' as const, at: AT, task: 't1', artifact };
  task.applyArtifact(step.append ? { ...record, append: true } : record);
}

function shown(task: TaskFold): unknown {
  const textOf = (parts: readonly unknown[]): string =>
    parts.map((part) => (part as { text: string }).text).join('');
  return {
    said: [...task.history].map(({ message }) => textOf(message.parts)),
    artifacts: [...task.artifacts.entries()].map(([id, fold]) => [id, textOf(fold.parts)]),
    found: ['a', 'b', 'c'].map((id) => task.artifact(id) && textOf(task.artifact(id)?.parts ?? [])),
  };
}

describe('what a task holds', () => {
  it('is what all its layers were given, and a layer above changes nothing below', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 4 }), (layers) => {
        let task = new TaskFold({ task: 't1', at: AT, by: 'i.1' });
        const plain = new Plain();
        const below: [TaskFold, unknown][] = [];
        layers.forEach((layer, i) => {
          if (i > 0) {
            below.push([task, shown(task)]);
            task = task.fork();
          }
          for (const step of layer) {
            take(task, step);
            plain.take(step);
          }
          expect(shown(task)).to.deep.equal({
            said: plain.said,
            artifacts: [...plain.artifacts],
            found: ['a', 'b', 'c'].map((id) => plain.artifacts.get(id)),
          });
        });
        for (const [layer, was] of below) expect(shown(layer)).to.deep.equal(was);
      }),
    );
  });

  it('has the moments that it was given, however long ago', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8_640_000_000_000_000 }), (at) => {
        expect(fromNear(toNear(at))).to.equal(at);
        const task = new TaskFold({ task: 't1', at, by: 'i.1' });
        expect(task.fork().statusAt).to.equal(at);
      }),
    );
  });
});

describe('a message of a task', () => {
  it('is shown with all that it can have', () => {
    // Required: another member that a message may have does not compile until it is here.
    const message: Required<StoredMessage> = {
      messageId: 'm1',
      role: 'ROLE_USER',
      parts: [{ text: 'hello' }],
      referenceTaskIds: ['other'],
      extensions: ['https://example.com/x'],
      metadata: { urgent: true },
    };
    const task = new TaskFold({ task: 't1', at: AT, by: 'i1.1' });
    task.addMessage(new MessageEntry(3, AT, 't1', message));
    const where = { contextId: 's1', taskId: 's1.t1' };
    expect(task.toTask('s1').history).to.deep.equal([{ ...message, ...where }]);
    task.statusMessage = message;
    expect(task.toTask('s1').status.message).to.deep.equal({ ...message, ...where });
  });
});
