/**
 * A part in the form of one line can be read in the words of the other two as well. Those members are not enumerable:
 * a part that is spread, compared or written as JSON is what its own line makes it.
 */
import type { Part } from '../../protocol/model.ts';

/** Which of its four contents a part has. */
export type ContentName = 'text' | 'raw' | 'url' | 'data';

export function contentName(part: Part): ContentName {
  if ('text' in part) return 'text';
  if ('raw' in part) return 'raw';
  return 'url' in part ? 'url' : 'data';
}

type Views<T> = Readonly<Record<string, (part: T) => unknown>>;

/** Defines members that are computed when they are read, from the part as it is then. */
export function addViews<T extends object>(part: T, views: Views<T>): T {
  for (const [name, read] of Object.entries(views)) {
    Object.defineProperty(part, name, {
      get(this: T) {
        return read(this);
      },
      enumerable: false,
      configurable: true,
    });
  }
  return part;
}
