import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';

/** One request, as node:https takes it, and its body. */
export interface Sending {
  readonly options: RequestOptions;
  readonly body: string | undefined;
}

/**
 * The head of the answer. Rejects with the system's error, or with the signal's reason; the signal destroys the answer's body too.
 * A GET that meets a kept connection which the server is just closing is sent again on another.
 */
export function send(sending: Sending, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const outgoing = request(sending.options);
    let answer: IncomingMessage | undefined;
    const end = () => (answer ?? outgoing).destroy(signal.reason as Error);
    const leave = () => signal.removeEventListener('abort', end);
    signal.addEventListener('abort', end);
    outgoing.once('response', (response) => {
      answer = response;
      response.once('close', leave);
      resolve(response);
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (answer !== undefined) return;
      leave();
      const isStale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      if (isStale && sending.options.method === 'GET' && !signal.aborted) resolve(send(sending, signal));
      else reject(signal.aborted ? signal.reason : error);
    });
    outgoing.end(sending.body);
  });
}

/** The whole body. Throws RangeError when it is longer than `mostBytes`, and then closes the connection. */
export async function bodyOf(answer: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw new RangeError(`the answer is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** The first bytes of a body, `mostBytes` of them; the connection is closed when there are more. */
export async function beginningOf(answer: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= mostBytes) break;
  }
  return Buffer.concat(chunks, length).subarray(0, mostBytes);
}
