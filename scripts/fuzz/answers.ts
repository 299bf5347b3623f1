/** Reads what comes over a connection as answers of HTTP. */
export interface FuzzAnswer {
  readonly status: number;
  /** Lower-case name -> value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** More of it may come: a stream of events. */
  readonly isOpen: boolean;
}

/** What is on the wire is no answer of HTTP. */
export class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError';
}

const HEAD_END = '\r\n\r\n';

/** Text is taken as latin1 until a body is whole: bytes stay what they are. */
export class AnswerReader {
  #text = '';

  push(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
  }

  get isEmpty(): boolean {
    return this.#text === '';
  }

  /**
   * The next answer; undefined while it is not all there. Streams of events are never: they are read by {@link stream}.
   *
   * @param isHead it answers HEAD @param isEnded nothing more will come
   * @throws {BrokenAnswerError}
   */
  next(isHead: boolean, isEnded: boolean): FuzzAnswer | undefined {
    const head = this.#head();
    if (head === undefined) return undefined;
    const { status, headers, bodyAt } = head;
    if (status < 200 && status !== 101) {
      this.#text = this.#text.slice(bodyAt);
      return this.next(isHead, isEnded);
    }
    if (isHead || status === 204 || status === 304) return this.#take(head, '', bodyAt);
    if (headers.get('transfer-encoding') === 'chunked') return this.#chunked(head);
    const length = headers.get('content-length');
    if (length === undefined)
      return isEnded ? this.#take(head, this.#text.slice(bodyAt), this.#text.length) : undefined;
    const end = bodyAt + Number(length);
    return this.#text.length < end ? undefined : this.#take(head, this.#text.slice(bodyAt, end), end);
  }

  /** What has come of a stream of events; undefined when it is none. */
  stream(): FuzzAnswer | undefined {
    const head = this.#head();
    if (head?.headers.get('content-type')?.startsWith('text/event-stream') !== true) return undefined;
    const { body } = dechunked(this.#text.slice(head.bodyAt));
    return { ...head, body: utf8(body), isOpen: true };
  }

  #head(): { status: number; headers: ReadonlyMap<string, string>; bodyAt: number } | undefined {
    const end = this.#text.indexOf(HEAD_END);
    if (end < 0) {
      if (this.#text.length > 4 && !this.#text.startsWith('HTTP'))
        throw new BrokenAnswerError(this.#text.slice(0, 40));
      return undefined;
    }
    const [first = '', ...lines] = this.#text.slice(0, end).split('\r\n');
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
    if (status === undefined) throw new BrokenAnswerError(first.slice(0, 40));
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    return { status: Number(status), headers, bodyAt: end + HEAD_END.length };
  }

  #chunked(head: {
    status: number;
    headers: ReadonlyMap<string, string>;
    bodyAt: number;
  }): FuzzAnswer | undefined {
    const { body, end } = dechunked(this.#text.slice(head.bodyAt));
    return end === undefined ? undefined : this.#take(head, body, head.bodyAt + end);
  }

  #take(
    { status, headers }: { status: number; headers: ReadonlyMap<string, string> },
    body: string,
    end: number,
  ): FuzzAnswer {
    this.#text = this.#text.slice(end);
    return { status, headers, body: utf8(body), isOpen: false };
  }
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString();

/** @returns `end` where the last chunk has come: behind it */
function dechunked(text: string): { body: string; end?: number } {
  let body = '';
  for (let at = 0; ;) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return { body };
    const size = Number.parseInt(text.slice(at, line), 16);
    if (Number.isNaN(size)) throw new BrokenAnswerError(text.slice(at, at + 40));
    const end = line + 2 + size;
    if (text.length < end + 2) return { body: body + text.slice(line + 2, end) };
    if (size === 0) return { body, end: end + 2 };
    body += text.slice(line + 2, end);
    at = end + 2;
  }
}
