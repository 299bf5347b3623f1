import type { ChildProcess } from 'node:child_process';

/** What node's cluster sends to its workers and what they answer, as far as it is looked at here. */
interface ClusterMessage {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/** A TCP handle of node's own. Closing it twice does nothing. */
interface Connection {
  close(): void;
}

/**
 * A connection that a worker is just being given when it dies is forgotten by node (20.20) and stays open: its client
 * would wait for an answer for ever. A worker that is busy has one such connection, never more.
 *
 * @returns closes it; to be called when the worker has died
 */
export function watchHandOver(child: ChildProcess): () => void {
  let unanswered: { readonly seq: number | undefined; readonly connection: Connection } | undefined;
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]): boolean => {
    const [message, connection] = args as [ClusterMessage, Connection | undefined];
    if (message.act === 'newconn' && connection !== undefined) unanswered = { seq: message.seq, connection };
    return send(...args);
  };
  child.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined && ack === unanswered?.seq) unanswered = undefined;
  });
  return () => {
    unanswered?.connection.close();
    unanswered = undefined;
  };
}
