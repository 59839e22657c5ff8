import type { Socket } from 'node:net';

/** What waits to be written before `isFull`, in bytes. */
const mostWaiting = 16 << 20;
const newline = 0x0a;

export interface MessageStreamOptions {
  /** The longest message that is taken, in bytes. Default: any. */
  readonly mostBytes?: number;
  /** Any JSON value. */
  readonly onMessage: (message: unknown) => void;
  /** Instead of all further messages: what came is no message. Default: nobody is told. */
  readonly onFault?: (why: string) => void;
}

/**
 * JSON messages, one a line, between agent and worker. Node's own channel (child_process, 'ipc') trusts who writes to it: bytes that are no JSON, a message
 * of Node's own, or one without end would end the agent.
 */
export class MessageStream {
  readonly #socket: Socket;
  readonly #options: MessageStreamOptions;
  /** Of the line that has not ended. */
  #parts: Buffer[] = [];
  #length = 0;
  #isBroken = false;

  constructor(socket: Socket, options: MessageStreamOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    // The other side has gone; how it ended is told by its process.
    socket.on('error', () => undefined);
    socket.resume();
  }

  /** The other side does not keep up, or has gone: what can wait should. */
  get isFull(): boolean {
    return this.#socket.writableLength > mostWaiting;
  }

  /** Lost when the other side is gone. `sent`: it is on its way. */
  send(message: unknown, sent: () => void = () => undefined): void {
    if (!this.#socket.writable) return;
    this.#socket.write(`${JSON.stringify(message)}\n`, (error) => {
      if (error === null || error === undefined) sent();
    });
  }

  #take(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0 && !this.#isBroken; end = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      if (!this.#isBroken) this.#read();
    }
    if (from < chunk.length && !this.#isBroken) this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > (this.#options.mostBytes ?? Number.POSITIVE_INFINITY)) this.#break('a message is too long');
    else this.#parts.push(part);
  }

  #read(): void {
    const text = Buffer.concat(this.#parts, this.#length).toString();
    this.#parts = [];
    this.#length = 0;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#break('a message is no JSON');
      return;
    }
    this.#options.onMessage(message);
  }

  #break(why: string): void {
    this.#isBroken = true;
    this.#parts = [];
    this.#socket.destroy();
    this.#options.onFault?.(why);
  }
}
