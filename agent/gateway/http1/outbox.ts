import type { Duplex } from 'node:stream';
import { atTurnsEnd, type TurnEnd } from './turn.js';
import type { Wire } from './wire.js';

/** Waiting text beyond this is written at once. */
const mostText = 64 * 1024;

/**
 * What goes out on one connection. A head, small chunks of a body and its end that are given within one turn leave in one system call: text waits
 * until `flush`, a large chunk, or the end of the turn (of the read that is worked off, otherwise of the tick).
 */
export class Outbox implements TurnEnd {
  readonly #wire: Wire;
  readonly #stream: Duplex;
  readonly #coalesceBytes: number;
  #text = '';
  #isWaiting = false;

  constructor(wire: Wire, coalesceBytes: number) {
    this.#wire = wire;
    this.#stream = wire.stream;
    this.#coalesceBytes = coalesceBytes;
  }

  /** Bytes as latin1. */
  text(text: string): void {
    this.#text += text;
    if (this.#text.length > mostText) this.flush();
    else if (!this.#isWaiting) {
      this.#isWaiting = true;
      atTurnsEnd(this);
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
    if (this.#wire.write(text, chunk, after) || !this.#stream.writable) return;
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

  /** Writes what waits, now. */
  flush(): void {
    this.#write();
    this.#wire.commit();
  }

  endTurn(): void {
    this.#isWaiting = false;
    this.#write();
  }

  #write(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#wire.write(text, undefined, '') && this.#stream.writable) this.#stream.write(text, 'latin1');
  }
}
