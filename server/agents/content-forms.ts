/** What a part says, in the words of the two lines of `@a2a-js/sdk`. */
import type { Part } from '../../protocol/model.ts';
import type { ContentName } from './part-views.ts';

/** The tagged union of the 1.x line; bytes are a Buffer there. */
export type SdkContent =
  | { $case: 'text' | 'url'; value: string }
  | { $case: 'raw'; value: Buffer }
  | { $case: 'data'; value: unknown };

export function toSdkContent(part: Part): SdkContent {
  if ('text' in part) return { $case: 'text', value: part.text };
  if ('raw' in part) return { $case: 'raw', value: Buffer.from(part.raw, 'base64') };
  if ('url' in part) return { $case: 'url', value: part.url };
  return { $case: 'data', value: structuredClone(part.data) };
}

export const LEGACY_KINDS: Readonly<Record<ContentName, string>> = {
  text: 'text',
  raw: 'file',
  url: 'file',
  data: 'data',
};

/** The member `file` of the 0.3 line. */
export interface LegacyFile {
  bytes?: string;
  uri?: string;
  name?: string;
  mimeType?: string;
}

export function toLegacyFile(part: Part): LegacyFile | undefined {
  const { filename, mediaType } = part;
  const named = {
    ...(filename !== undefined && { name: filename }),
    ...(mediaType !== undefined && { mimeType: mediaType }),
  };
  if ('raw' in part) return { bytes: part.raw, ...named };
  return 'url' in part ? { uri: part.url, ...named } : undefined;
}
