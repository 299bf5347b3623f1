import { ProtocolError } from '../../protocol/errors.ts';
import type { InputModes } from '../../protocol/media-types.ts';
import type { Part, SendParams } from '../../protocol/model.ts';

/** An answer repeats no more than this of what the caller called its parts. */
const ECHO_MAX_CHARS = 64;

/**
 * Refuses messages with parts that the agent does not take. A2A 1.0 §3.1.1.
 *
 * @returns throws {ProtocolError} CONTENT_TYPE_NOT_SUPPORTED, naming every part and what is taken
 */
export function createInputCheck(modes: InputModes): (params: SendParams) => void {
  const supported = modes.listed.join(', ');
  return ({ message }) => {
    const violations = message.parts.flatMap((part, i) =>
      modes.takes(part) ? [] : [{ field: `message.parts[${i}]`, description: `is ${describe(part)}` }],
    );
    if (violations.length === 0) return;
    const named = violations.map(({ field, description }) => `${field} ${description}`).join('; ');
    throw new ProtocolError('CONTENT_TYPE_NOT_SUPPORTED', {
      message: `${named}; the agent takes ${supported}`,
      metadata: { supported },
      violations,
    });
  };
}

function describe(part: Part): string {
  if (part.mediaType) return part.mediaType.slice(0, ECHO_MAX_CHARS);
  if ('text' in part) return 'text/plain';
  return 'data' in part ? 'application/json' : 'a file without a media type';
}
