import type { IncomingMessage } from 'node:http';

/** How much may wait to be taken before the connection is read no further, in bytes. */
const mostWaiting = 256 * 1024;

/**
 * The body of an answer that is a stream. All that arrived before a cut can be taken still: Node's own iteration would drop it, and who
 * resumes a stream that is cut soon after each beginning would never get on.
 */
export class Arrivals {
  readonly #answer: IncomingMessage;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #isOver = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(answer: IncomingMessage) {
    this.#answer = answer;
    answer.on('data', (chunk: Buffer) => {
      this.#waiting.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= mostWaiting) answer.pause();
      this.#wake();
    });
    answer.once('end', () => this.#finish());
    answer.once('error', (error) => this.#finish(error));
    answer.once('close', () => this.#finish(new Error('the connection was closed')));
  }

  /** What has arrived since the last call, or does next: empty at the end. Rejects when the answer was cut. */
  async take(): Promise<readonly Buffer[]> {
    if (this.#waiting.length === 0 && !this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const taken = this.#waiting;
    if (taken.length === 0 && this.#error !== undefined) throw this.#error;
    this.#waiting = [];
    this.#bytes = 0;
    if (!this.#isOver) this.#answer.resume();
    return taken;
  }

  #finish(error?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake();
  }
}
