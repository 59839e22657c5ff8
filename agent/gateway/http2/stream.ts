import type { BodyReceiver, Failure, FieldLines } from '../exchange.js';
import { errorCode } from './error-code.js';
import { frameType, maxFrameLength } from './frame.js';
import type { FrameOutput } from './frame-output.js';

/** What a stream needs of its connection. */
export interface StreamConnection {
  readonly output: FrameOutput;
  /** Bytes of DATA that the peer takes over all streams. */
  sendWindow: number;
  readonly streamWindow: number;
  /** The stream has something to send that the windows or the socket do not take now. */
  wait(stream: Http2Stream): void;
  /** Bytes that no stream holds any more. */
  credit(bytes: number): void;
  trailers(stream: Http2Stream, fields: FieldLines): void;
  /** Nothing is sent any more (`localEnded`), or received (`remoteEnded`). */
  ended(stream: Http2Stream): void;
  /** RST_STREAM because of what the peer sent. */
  blame(stream: Http2Stream, code: number): void;
}

const noTrailers: FieldLines = [];

/** A stream's share of one turn while several wait (bytes). */
const turnLength = 2 * maxFrameLength;

/** The body of one message in each direction, with flow control. */
export class Http2Stream {
  readonly id: number;
  /** Both directions are over, or it was reset. */
  isClosed = false;
  localEnded = false;
  remoteEnded = false;
  /** Bytes of DATA that the peer takes on it. */
  sendWindow: number;
  readonly #connection: StreamConnection;

  #queue: Buffer[] = [];
  #trailers: FieldLines | undefined;

  #receiver: BodyReceiver | undefined;
  #isPaused = true;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldEnd: FieldLines | undefined;
  #failure: Failure | undefined;
  #receiveWindow: number;
  #consumed = 0;
  #sentBytes = 0;
  /** `#sentBytes` and the time (ms) when it was last seen to have grown. */
  #seenBytes = -1;
  #movedMs = 0;
  /** Bytes of the body still to come by content-length. */
  #expected: number | undefined;

  constructor(id: number, connection: StreamConnection, sendWindow: number) {
    this.id = id;
    this.#connection = connection;
    this.sendWindow = sendWindow;
    this.#receiveWindow = connection.streamWindow;
  }

  /** What content-length says of the body that will be received. */
  expect(length: number | undefined): void {
    this.#expected = length;
  }

  /** The peer's message ended with its head. */
  endedWithHead(): void {
    this.remoteEnded = true;
    this.#heldEnd = noTrailers;
  }

  /** False: wait for `drained`. */
  write(chunk: Buffer): boolean {
    if (this.isClosed || this.#trailers || chunk.length === 0) return true;
    const rest = this.#queue.length === 0 ? this.#send(chunk, chunk.length) : chunk;
    if (rest) this.#queue.push(rest);
    else if (!this.#connection.output.isClogged) return true;
    this.#connection.wait(this);
    return false;
  }

  end(trailers: FieldLines): void {
    if (this.isClosed || this.#trailers) return;
    this.#trailers = trailers;
    if (this.#queue.length === 0) this.#finish();
  }

  /** Our message ended with its head. */
  endWithHead(): void {
    this.#trailers = noTrailers;
    this.localEnded = true;
    this.#connection.ended(this);
  }

  /** Whether what waits has waited for longer than `allowedMs` without a byte of it going. To be asked again and again. */
  isStalled(nowMs: number, allowedMs: number): boolean {
    if (this.#sentBytes !== this.#seenBytes) {
      this.#seenBytes = this.#sentBytes;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs > allowedMs;
  }

  /** Sends what windows and socket take of what waits. True: it need not wait any more. */
  pump(): boolean {
    if (this.isClosed) return true;
    let share = turnLength;
    while (this.#queue.length > 0 && share > 0) {
      const chunk = this.#queue[0]!;
      const rest = this.#send(chunk, share);
      share -= chunk.length - (rest?.length ?? 0);
      if (!rest) this.#queue.shift();
      else if (rest === chunk) return false;
      else this.#queue[0] = rest;
    }
    if (this.#queue.length > 0) return false;
    if (this.#trailers) this.#finish();
    else this.#receiver?.drained();
    return true;
  }

  /** Returns what of the chunk could not be sent. */
  #send(chunk: Buffer, limit: number): Buffer | undefined {
    const connection = this.#connection;
    let at = 0;
    while (at < chunk.length) {
      const length = Math.min(chunk.length - at, limit - at, this.sendWindow, connection.sendWindow, maxFrameLength);
      if (length <= 0 || connection.output.isClogged) return at === 0 ? chunk : chunk.subarray(at);
      connection.output.data(this.id, length === chunk.length ? chunk : chunk.subarray(at, at + length), false);
      this.sendWindow -= length;
      connection.sendWindow -= length;
      this.#sentBytes += length;
      at += length;
    }
    return undefined;
  }

  #finish(): void {
    this.localEnded = true;
    const trailers = this.#trailers!;
    if (trailers.length > 0) this.#connection.trailers(this, trailers);
    else this.#connection.output.endData(this.id);
    this.#connection.ended(this);
  }

  receive(receiver: BodyReceiver): void {
    if (this.#failure !== undefined) {
      receiver.fail(this.#failure);
      return;
    }
    this.#receiver = receiver;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#receiver || !this.#isPaused) return;
    this.#isPaused = false;
    while (!this.#isPaused && this.#held.length > 0) this.#deliver(this.#held.shift()!, true);
    if (this.#isPaused || !this.#heldEnd || this.#held.length > 0) return;
    const trailers = this.#heldEnd;
    this.#heldEnd = undefined;
    this.#receiver.end(trailers);
  }

  /** DATA came; `flowBytes` is its length with padding. */
  data(payload: Buffer, flowBytes: number, isLast: boolean): void {
    this.#receiveWindow -= flowBytes;
    if (this.#receiveWindow < 0) {
      this.#refuse(errorCode.flowControlError, flowBytes);
      return;
    }
    if (this.#expected !== undefined) {
      this.#expected -= payload.length;
      if (this.#expected < 0) {
        this.#refuse(errorCode.protocolError, flowBytes);
        return;
      }
    }
    if (flowBytes > payload.length) this.#credit(flowBytes - payload.length);
    if (payload.length > 0) {
      if (this.#isPaused) {
        this.#held.push(payload);
        this.#heldBytes += payload.length;
      } else this.#deliver(payload, false);
    }
    if (isLast) this.endOfBody(noTrailers);
  }

  #refuse(code: number, flowBytes: number): void {
    this.#connection.credit(flowBytes);
    this.#connection.blame(this, code);
  }

  #deliver(chunk: Buffer, wasHeld: boolean): void {
    if (wasHeld) this.#heldBytes -= chunk.length;
    this.#credit(chunk.length);
    this.#receiver!.data(chunk);
  }

  /** The peer's message is over. */
  endOfBody(trailers: FieldLines): void {
    if (this.isClosed || this.remoteEnded) return;
    if (this.#expected !== undefined && this.#expected > 0) {
      this.#connection.blame(this, errorCode.protocolError);
      return;
    }
    this.remoteEnded = true;
    this.#connection.ended(this);
    if (this.#isPaused) this.#heldEnd = trailers;
    else this.#receiver!.end(trailers);
  }

  /** Half a window at a time is given back to the peer. */
  #credit(bytes: number): void {
    if (this.isClosed) {
      this.#connection.credit(bytes);
      return;
    }
    this.#connection.credit(bytes);
    this.#consumed += bytes;
    if (this.remoteEnded || this.#consumed * 2 < this.#connection.streamWindow) return;
    this.#connection.output.word(frameType.windowUpdate, this.id, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  /** Nobody wants the rest of what was received. */
  discard(): void {
    this.#receiver = undefined;
    this.#isPaused = true;
    this.#held = [];
    this.#heldEnd = undefined;
    if (this.#heldBytes > 0) this.#connection.credit(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Nothing is sent or delivered any more, but what is held of a message that is whole. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#queue = [];
    if (!this.remoteEnded) this.discard();
  }

  /** As `close`, and the receiver learns why. */
  fail(why: Failure): void {
    if (this.isClosed) return;
    const receiver = this.#receiver;
    this.#failure = why;
    this.isClosed = true;
    this.#queue = [];
    this.discard();
    receiver?.fail(why);
  }
}
