import type { ClientExchange, Failure, FieldLines, ResponseHead, ResponseReceiver } from '../exchange.js';
import type { Http2Stream } from './stream.js';

/** What an exchange needs of its connection. */
export interface ClientStreams {
  abandon(stream: Http2Stream): void;
}

/** One stream that we opened. */
export class Http2ClientExchange implements ClientExchange {
  hasHead = false;
  readonly flushes: number;
  readonly #stream: Http2Stream;
  readonly #streams: ClientStreams;
  readonly #receiver: ResponseReceiver;
  readonly #isHead: boolean;
  #isOver = false;

  /** `flushes`: `FrameOutput.flushes` when its head was written. */
  constructor(
    stream: Http2Stream,
    streams: ClientStreams,
    receiver: ResponseReceiver,
    isHead: boolean,
    flushes: number,
  ) {
    this.flushes = flushes;
    this.#stream = stream;
    this.#streams = streams;
    this.#receiver = receiver;
    this.#isHead = isHead;
    stream.receive({
      data: (chunk) => receiver.data(chunk),
      end: (trailers) => this.#end(trailers),
      fail: (why) => this.#fail(why),
      drained: () => receiver.drained(),
    });
  }

  #end(trailers: FieldLines): void {
    this.#isOver = true;
    if (!this.#stream.isClosed) this.#streams.abandon(this.#stream);
    this.#receiver.end(trailers);
  }

  #fail(why: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receiver.fail(why);
  }

  informational(head: ResponseHead): void {
    this.#receiver.informational(head.status, head.fields);
  }

  /** True for a length that the end of the stream contradicts. */
  isWrong(head: ResponseHead, ended: boolean): boolean {
    return ended && !this.#hasNoBody(head) && (head.length ?? 0) > 0;
  }

  respond(head: ResponseHead, ended: boolean): void {
    this.hasHead = true;
    const empty = this.#hasNoBody(head);
    this.#stream.expect(empty ? 0 : head.length);
    if (!ended) {
      this.#receiver.head(head, false);
      return;
    }
    this.#isOver = true;
    this.#stream.remoteEnded = true;
    this.#streams.abandon(this.#stream);
    this.#receiver.head(head, true);
  }

  #hasNoBody(head: ResponseHead): boolean {
    return this.#isHead || head.status === 204 || head.status === 304;
  }

  write(chunk: Buffer): boolean {
    return this.#stream.write(chunk);
  }

  end(trailers: FieldLines): void {
    this.#stream.end(trailers);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Nothing is told any more. */
  abort(): void {
    this.#isOver = true;
    this.#streams.abandon(this.#stream);
    this.#stream.discard();
  }
}
