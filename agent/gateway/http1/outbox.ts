import type { Duplex } from 'node:stream';

/** Waiting text beyond this is written at once. */
const mostText = 64 * 1024;

/** Those with text that waits for the end of the current turn. */
let waiting: Outbox[] = [];

/** A read is being worked off, at whose end all is flushed. */
let isInTurn = false;

function flushWaiting(): void {
  const outboxes = waiting;
  waiting = [];
  for (const outbox of outboxes) outbox.flush();
}

/** Gives bytes to `take`, then writes what waits on any connection. */
export function takeTurn(take: (bytes: Buffer, isBorrowed: boolean) => void, bytes: Buffer, isBorrowed: boolean): void {
  isInTurn = true;
  try {
    take(bytes, isBorrowed);
  } finally {
    isInTurn = false;
    if (waiting.length > 0) flushWaiting();
  }
}

/**
 * What goes out on one connection. A head, small chunks of a body and its end that are given within one turn leave in one system call: text waits
 * until `flush`, a large chunk, or the end of the turn (of the read that is worked off, otherwise of the tick).
 */
export class Outbox {
  readonly #stream: Duplex;
  readonly #coalesceBytes: number;
  #text = '';
  #isWaiting = false;

  constructor(stream: Duplex, coalesceBytes: number) {
    this.#stream = stream;
    this.#coalesceBytes = coalesceBytes;
  }

  /** Bytes as latin1. */
  text(text: string): void {
    this.#text += text;
    if (this.#text.length > mostText) this.flush();
    else if (!this.#isWaiting) {
      this.#isWaiting = true;
      if (waiting.push(this) === 1 && !isInTurn) process.nextTick(flushWaiting);
    }
  }

  /** A chunk of a body between its framing, of which both may be empty. */
  framed(before: string, chunk: Buffer, after: string): void {
    if (chunk.length <= this.#coalesceBytes && (before !== '' || this.#text !== '')) {
      this.text(before + chunk.toString('latin1') + after);
      return;
    }
    const text = this.#text + before;
    this.#text = '';
    if (!this.#stream.writable) return;
    if (text === '' && after === '') {
      this.#stream.write(chunk);
      return;
    }
    this.#stream.cork();
    if (text !== '') this.#stream.write(text, 'latin1');
    this.#stream.write(chunk);
    if (after !== '') this.#stream.write(after, 'latin1');
    this.#stream.uncork();
  }

  /** The peer is slower than what is written: the stream's `drain` will come. */
  get isFull(): boolean {
    return this.#stream.writableNeedDrain && this.#stream.writableLength > 0;
  }

  flush(): void {
    this.#isWaiting = false;
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (this.#stream.writable) this.#stream.write(text, 'latin1');
  }
}
