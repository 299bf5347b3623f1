import { isDeepStrictEqual } from 'node:util';
import type { Artifact, Part } from '../../protocol/model.ts';
import type { ChunkRun } from './chunk-runs.ts';
import { LayeredList } from './layered.ts';

const NO_RUNS: readonly ChunkRun[] = [];

/** One artifact of a task. Most are never appended to: what the record brought is then all there is of it. */
export class ArtifactFold {
  /** As the record that began it, or replaced it last, has it. It belongs to the journal: nobody changes it. */
  readonly #begun: Artifact;
  /** What was appended since. */
  #appended: LayeredList<Part> | undefined;
  #runs: LayeredList<ChunkRun> | undefined;
  /** Set by the record that holds all of it. */
  isWhole: boolean;

  constructor(begun: Artifact, isWhole: boolean) {
    this.#begun = begun;
    this.#appended = undefined;
    this.#runs = undefined;
    this.isWhole = isWhole;
  }

  get artifactId(): string {
    return this.#begun.artifactId;
  }

  /** A copy that can change while this one stays. O(1). */
  fork(): ArtifactFold {
    const fork = new ArtifactFold(this.#begun, this.isWhole);
    fork.#appended = this.#appended?.fork();
    fork.#runs = this.#runs?.fork();
    return fork;
  }

  /** What takes its place: it makes the same runs superfluous. @param inPlace this one is not used any more */
  replacedBy(begun: Artifact, isWhole: boolean, inPlace: boolean): ArtifactFold {
    const next = new ArtifactFold(begun, isWhole);
    // One fork per layer: an artifact that is replaced ten thousand times is not ten thousand lists deep.
    next.#runs = inPlace ? this.#runs : this.#runs?.fork();
    return next;
  }

  append(parts: readonly Part[]): void {
    this.isWhole = false;
    if (parts.length === 0) return;
    this.#appended ??= new LayeredList();
    for (const part of parts) this.#appended.push(part);
  }

  get hasRuns(): boolean {
    return this.#runs !== undefined;
  }

  /** Consecutive records that the one with all of it makes superfluous. */
  get runs(): readonly ChunkRun[] {
    return this.#runs === undefined ? NO_RUNS : this.#runs.toArray();
  }

  addRun(run: ChunkRun): void {
    (this.#runs ??= new LayeredList()).push(run);
  }

  /** A copy, for whoever may change it. */
  get parts(): Part[] {
    const parts = this.#begun.parts.slice();
    if (this.#appended !== undefined) for (const part of this.#appended.toArray()) parts.push(part);
    return parts;
  }

  get head(): Omit<Artifact, 'parts'> {
    const head: Omit<Artifact, 'parts'> & { parts?: Part[] } = { ...this.#begun };
    delete head.parts;
    return head;
  }

  /** All of it, as a client is shown it. O(parts). */
  toArtifact(): Artifact {
    const shown: Artifact = { ...this.#begun };
    // Not as a member of the literal: to define one that is there already is a call into the runtime, 1 % of a send.
    shown.parts = this.parts;
    return shown;
  }

  /** Whether an artifact is all of this one. */
  isNow(artifact: Artifact): boolean {
    return isDeepStrictEqual(artifact, this.toArtifact());
  }
}
