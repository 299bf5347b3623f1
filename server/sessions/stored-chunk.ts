/**
 * How more text of an artifact is stored: `{"t":"chunk","is":[<at>,<task>,<by>,<artifact id>,<text>]}`, and the
 * name of the artifact behind the text where the agent says it with every chunk, as many do. A stream is made of
 * thousands of them, and written out their members' names are more than what an agent says in a chunk. `<by>` is only the
 * attempt where the runner is the instance that wrote the record, as it always is but for what a replay makes anew.
 */
import type { Artifact } from '../../protocol/model.ts';
import type { EpochMs } from '../../protocol/units.ts';

/** As much of an artifact's record as this form can say. */
interface Chunk {
  t: 'artifact';
  at: EpochMs;
  task: string;
  by?: string;
  artifact: Artifact;
  append?: true;
}

/** Members of `{ t, at, task, artifact, append }`, without `by`. */
const MEMBERS = 5;

/** @returns the attempt of a run of the instance, else the run as it is */
function toBy(by: string | undefined, instance: string): number | string | null {
  if (by === undefined) return null;
  if (by.length <= instance.length + 1 || by[instance.length] !== '.' || !by.startsWith(instance)) return by;
  const digits = by.slice(instance.length + 1);
  const attempt = Number(digits);
  return Number.isSafeInteger(attempt) && String(attempt) === digits ? attempt : by;
}

/**
 * @param instance who writes the record
 * @returns undefined where there is more to say of it than this form can: such a record is stored as it is
 */
export function toChunkJson(instance: string, body: Chunk): string | undefined {
  if (body.append !== true) return undefined;
  const { at, task, by, artifact } = body;
  const [part, ...others] = artifact.parts;
  if (part === undefined || others.length > 0 || !('text' in part)) return undefined;
  // Counted, so that a member that is added to any of them one day is not lost here.
  const { artifactId, name } = artifact;
  const isPlain =
    Object.keys(part).length === 1 &&
    Object.keys(artifact).length === (name === undefined ? 2 : 3) &&
    Object.keys(body).length === MEMBERS + ('by' in body ? 1 : 0);
  if (!isPlain) return undefined;
  const is = [at, task, toBy(by, instance), artifactId, part.text];
  if (name !== undefined) is.push(name);
  return JSON.stringify({ t: 'chunk', is });
}

/**
 * @param instance who wrote the record; '' where that is not known: then it is not known either whose run it was
 * @returns undefined when it is damaged
 */
export function fromChunk(value: Record<string, unknown>, instance: string): Chunk | undefined {
  const { is } = value;
  if (!Array.isArray(is) || (is.length !== 5 && is.length !== 6)) return undefined;
  const [at, task, by, artifactId, text, name] = is as unknown[];
  if (typeof at !== 'number' || typeof task !== 'string') return undefined;
  if (typeof artifactId !== 'string' || typeof text !== 'string') return undefined;
  const artifact: Artifact = { artifactId, parts: [{ text }] };
  if (is.length === 6) {
    if (typeof name !== 'string') return undefined;
    artifact.name = name;
  }
  if (by === null || (typeof by === 'number' && instance === ''))
    return { t: 'artifact', at, task, artifact, append: true };
  const run = typeof by === 'number' ? `${instance}.${by}` : by;
  return typeof run === 'string' ? { t: 'artifact', at, task, by: run, artifact, append: true } : undefined;
}
