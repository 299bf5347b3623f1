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

/** Members that are computed when they are read, from the part as it is then. */
export type Views = readonly (readonly [name: string, descriptor: PropertyDescriptor])[];

/** To be made once for all parts of a kind where that is possible: parts with the same getters stay quick to read. */
export function toViews(reads: Readonly<Record<string, (part: never) => unknown>>): Views {
  return Object.entries(reads).map(([name, read]) => {
    const get = function (this: never): unknown {
      return read(this);
    };
    return [name, { get, enumerable: false, configurable: true }];
  });
}

export function addViews<T extends object>(part: T, views: Views): T {
  for (const [name, descriptor] of views) Object.defineProperty(part, name, descriptor);
  return part;
}
