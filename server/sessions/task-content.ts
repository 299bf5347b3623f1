import type { Artifact } from '../../protocol/model.ts';
import { fromNear, toNear, type DurationMs, type EpochMs } from '../../protocol/units.ts';
import { ArtifactFold } from './artifact-fold.ts';
import { isLong, type OpenRun } from './chunk-runs.ts';
import { LayeredList, LayeredMap } from './layered.ts';
import type { ArtifactRecord, StoredMessage } from './records.ts';

/** A message in the order of the conversation. */
export class MessageEntry {
  /** Record number. */
  readonly n: number;
  readonly task: string;
  readonly message: StoredMessage;
  /** Which instance stored it; undefined for what an agent said. */
  readonly instance: string | undefined;
  readonly #near: DurationMs;

  constructor(n: number, at: EpochMs, task: string, message: StoredMessage, instance?: string) {
    this.n = n;
    this.task = task;
    this.message = message;
    this.instance = instance;
    this.#near = toNear(at);
  }

  get at(): EpochMs {
    return fromNear(this.#near);
  }
}

/** What was said of a task, and what came of it. Not an object of its own: each session in memory has as many as tasks. */
export abstract class TaskContent {
  /** Its message, while it is the only one: nearly all tasks have one message and one artifact, and need no lists. */
  #message: MessageEntry | undefined = undefined;
  #history: LayeredList<MessageEntry> | undefined = undefined;
  /** Its artifact, while it is the only one. */
  #artifact: ArtifactFold | undefined = undefined;
  /** It is that of the fold below: not to be changed in place. */
  #isBelow = false;
  #artifacts: LayeredMap<string, ArtifactFold> | undefined = undefined;

  /** @param base below this one: it must not change while this one is in use */
  constructor(base?: TaskContent) {
    if (base === undefined) return;
    this.#message = base.#message;
    this.#history = base.#history?.fork();
    this.#artifact = base.#artifact;
    this.#artifacts = base.#artifacts?.fork();
    this.#isBelow = this.#artifact !== undefined;
  }

  /** To be looked at; {@link addMessage} adds to it. */
  get history(): LayeredList<MessageEntry> {
    if (this.#history !== undefined) return this.#history;
    const history = new LayeredList<MessageEntry>();
    if (this.#message !== undefined) history.push(this.#message);
    return history;
  }

  /** To be looked at; {@link applyArtifact} and {@link keepRun} change it. */
  get artifacts(): LayeredMap<string, ArtifactFold> {
    if (this.#artifacts !== undefined) return this.#artifacts;
    const artifacts = new LayeredMap<string, ArtifactFold>();
    if (this.#artifact !== undefined) artifacts.set(this.#artifact.artifactId, this.#artifact);
    return artifacts;
  }

  artifact(artifactId: string): ArtifactFold | undefined {
    if (this.#artifacts !== undefined) return this.#artifacts.get(artifactId);
    return this.#artifact?.artifactId === artifactId ? this.#artifact : undefined;
  }

  addMessage(entry: MessageEntry): void {
    if (this.#history === undefined && this.#message === undefined) this.#message = entry;
    else {
      this.#history = this.history;
      this.#history.push(entry);
      this.#message = undefined;
    }
  }

  applyArtifact({ artifact, append, whole }: ArtifactRecord): void {
    const { artifactId } = artifact;
    const known = this.artifact(artifactId);
    if (known === undefined) this.#setArtifact(new ArtifactFold(artifact, whole === true));
    else if (append !== true || whole === true)
      this.#setArtifact(known.replacedBy(artifact, whole === true, this.#owns(artifactId)));
    else this.#ownArtifact(artifactId, known).append(artifact.parts);
  }

  /** Whether this is all of an artifact. */
  isNow(artifact: Artifact): boolean {
    return this.artifact(artifact.artifactId)?.isNow(artifact) === true;
  }

  /** Chunks of an artifact stood together, and nothing that stays leans on them. */
  keepRun({ artifactId, from, to, bytes }: OpenRun): void {
    const known = this.artifact(artifactId);
    if (known !== undefined && isLong({ from, to, bytes }))
      this.#ownArtifact(artifactId, known).addRun({ from, to, bytes });
  }

  #ownArtifact(artifactId: string, known: ArtifactFold): ArtifactFold {
    if (this.#owns(artifactId)) return known;
    const fork = known.fork();
    this.#setArtifact(fork);
    return fork;
  }

  /** Whether an artifact that is known may be changed in place. */
  #owns(artifactId: string): boolean {
    if (this.#artifacts !== undefined) return this.#artifacts.getOwn(artifactId) !== undefined;
    return !this.#isBelow;
  }

  #setArtifact(fold: ArtifactFold): void {
    const { artifactId } = fold;
    const isOnly = this.#artifact === undefined || this.#artifact.artifactId === artifactId;
    if (this.#artifacts === undefined && isOnly) {
      this.#artifact = fold;
      this.#isBelow = false;
    } else {
      this.#artifacts =
        this.#artifacts === undefined && this.#isBelow ? this.artifacts.fork() : this.artifacts;
      this.#artifacts.set(artifactId, fold);
      this.#artifact = undefined;
    }
  }
}
