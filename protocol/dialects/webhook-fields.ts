/** The rules for what a webhook is made of, the same in all dialects: it is called as it was given, or refused here. */
import type { Bytes } from '../units.ts';
import { parseUrl } from '../parse-url.ts';
import { findSizeFault, listOf, textWithout, unsetWhenEmpty } from './fields.ts';

const MAX_URL_BYTES: Bytes = 2_048;
const MAX_SECRET_BYTES: Bytes = 8 * 1024;
const MAX_SCHEME_BYTES: Bytes = 256;
const MAX_SCHEMES = 32;

const NO_WEB_URL = 'must be an absolute http or https URL';

/** Where a webhook is sent. Whether the server may go there is for the guard of outgoing requests to say. */
export const webhookUrl = textWithout((value) => {
  if (value === '') return 'must not be empty';
  return findSizeFault(value, MAX_URL_BYTES) ?? (isWebUrl(value) ? undefined : NO_WEB_URL);
});

/** The parser alone would take `http:x`, and drop line breaks and spaces around it. */
function isWebUrl(value: string): boolean {
  return /^https?:\/\/[^\s\p{Control}]+$/iu.test(value) && parseUrl(value) !== undefined;
}

/** What becomes a header. Line breaks would make two of it, and beyond ASCII no two ends agree on its bytes. */
function headerText(maxBytes: Bytes) {
  return textWithout((value) => {
    const fault = findSizeFault(value, maxBytes);
    return fault ?? (/^[ -~]*$/.test(value) ? undefined : 'must have only printable ASCII characters');
  });
}

/** A token or credentials. An empty one would be an empty header, and is none. */
export const optionalSecret = unsetWhenEmpty(headerText(MAX_SECRET_BYTES));

export const authScheme = headerText(MAX_SCHEME_BYTES).min(1);

/** What 0.x lists where 1.0 has one. */
export const authSchemes = listOf(authScheme, 1, MAX_SCHEMES);
