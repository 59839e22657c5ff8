import type { Socket } from 'node:net';
import type { Clock } from '../../clock.js';
import type { Failure, FieldLines } from '../exchange.js';
import { type Deadlines, deadlinesOf } from '../http1/deadlines.js';
import { Allowance } from './allowance.js';
import { errorCode } from './error-code.js';
import { encodeFields } from './field-lines.js';
import { defaultWindow, frameFlag, frameType, maxWindow, settingId, unpadded } from './frame.js';
import { FrameOutput } from './frame-output.js';
import { FrameReader } from './frame-reader.js';
import { type FieldSection, HpackDecoder } from './hpack-decoder.js';
import { HpackEncoder } from './hpack-encoder.js';
import type { Http2Limits } from './limits.js';
import type { Http2Stream, StreamConnection } from './stream.js';

/** Both directions' tables of fields (bytes). */
const tableBytes = 4_096;

const noPayload = Buffer.alloc(0);

/** One field section on its way: HEADERS, then CONTINUATION. */
interface OpenSection {
  readonly stream: number;
  readonly endStream: boolean;
  readonly fragments: Buffer[];
  bytes: number;
  readonly sinceMs: number;
}

/** What server and client have in common of an HTTP/2 connection (RFC 9113). */
export abstract class Http2Connection implements StreamConnection {
  readonly output: FrameOutput;
  readonly streamWindow: number;
  sendWindow: number = defaultWindow;
  protected readonly socket: Socket;
  protected readonly limits: Http2Limits;
  protected readonly clock: Clock;
  protected readonly encoder: HpackEncoder = new HpackEncoder(tableBytes);
  protected readonly streams: Map<number, Http2Stream> = new Map();
  protected isOver = false;
  /** The peer's settings. */
  protected peerInitialWindow: number = defaultWindow;
  protected peerMaxStreams: number = Number.MAX_SAFE_INTEGER;
  protected heardMs: number;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #resets: Allowance;
  readonly #settings: Allowance;
  readonly #odd: Allowance;
  readonly #deadlines: Deadlines;
  #waiting = new Set<Http2Stream>();
  #section: OpenSection | undefined;
  #gotSettings = false;
  #receiveWindow: number;
  #consumed = 0;
  readonly #startedMs: number;
  #pingedMs: number | undefined;
  #discarded = 0;

  protected constructor(socket: Socket, limits: Http2Limits, clock: Clock, expectsPreface: boolean) {
    this.socket = socket;
    this.limits = limits;
    this.clock = clock;
    this.streamWindow = limits.streamWindow;
    this.output = new FrameOutput(socket);
    this.#reader = new FrameReader(this.#sink(), expectsPreface);
    this.#decoder = new HpackDecoder({ listBytes: limits.headBytes, fields: limits.headFields }, tableBytes);
    const nowMs = clock.monotonic();
    this.#resets = new Allowance(...limits.resets, nowMs);
    this.#settings = new Allowance(...limits.settings, nowMs);
    this.#odd = new Allowance(...limits.odd, nowMs);
    this.#startedMs = this.heardMs = nowMs;
    this.#receiveWindow = limits.connectionWindow;
    this.#deadlines = deadlinesOf(clock);
    this.#deadlines.add(this);
  }

  /** Sends the first frames and begins to read. */
  protected start(preface: Buffer, settings: readonly (readonly [number, number])[], first: Buffer): void {
    const { socket, output } = this;
    if (preface.length > 0) output.raw(preface);
    output.settings(settings);
    output.word(frameType.windowUpdate, 0, this.limits.connectionWindow - defaultWindow);
    socket.on('data', (chunk: Buffer) => this.#heard(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#over());
    socket.on('error', () => this.#over());
    socket.on('close', () => this.#over());
    if (first.length > 0) this.#heard(first);
    socket.resume();
  }

  #sink(): ConstructorParameters<typeof FrameReader>[0] {
    return {
      frame: (type, flags, stream, payload) => this.#frame(type, flags, stream, payload),
      wrongPreface: () => this.fail(errorCode.protocolError),
      tooLong: () => this.fail(errorCode.frameSizeError),
    };
  }

  get inFlight(): number {
    return this.streams.size;
  }

  #heard(chunk: Buffer): void {
    if (this.isOver) {
      this.#discarded += chunk.length;
      if (this.#discarded > mostDiscarded) this.socket.destroy();
      return;
    }
    this.heardMs = this.clock.monotonic();
    this.#pingedMs = undefined;
    this.#reader.push(chunk);
    if (this.output.unsent > this.limits.unsentBytes) this.socket.pause();
  }

  #drained(): void {
    if (this.isOver) return;
    this.socket.resume();
    this.#pump();
  }

  // Frames

  /** False: the connection is over. */
  #frame(type: number, flags: number, stream: number, payload: Buffer): boolean {
    const section = this.#section;
    if (section && (type !== frameType.continuation || stream !== section.stream)) this.fail(errorCode.protocolError);
    else if (!this.#gotSettings && type !== frameType.settings) this.fail(errorCode.protocolError);
    else if (type === frameType.data) this.#data(flags, stream, payload);
    else if (type === frameType.headers) this.#headers(flags, stream, payload);
    else if (type === frameType.windowUpdate) this.#windowUpdate(stream, payload);
    else if (type === frameType.rstStream) this.#rstStream(stream, payload);
    else if (type === frameType.continuation) this.#continuation(flags, payload);
    else if (type === frameType.settings) this.#takeSettings(flags, stream, payload);
    else if (type === frameType.ping) this.#ping(flags, stream, payload);
    else if (type === frameType.goAway) this.#goAway(stream, payload);
    else if (type === frameType.priority) this.#priority(stream, payload);
    else if (type === frameType.pushPromise) this.fail(errorCode.protocolError);
    else this.odd();
    return !this.isOver;
  }

  #data(flags: number, id: number, payload: Buffer): void {
    const body = unpadded(payload, flags);
    if (id === 0 || !body || this.isIdle(id)) {
      this.fail(errorCode.protocolError);
      return;
    }
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) {
      this.fail(errorCode.flowControlError);
      return;
    }
    const isLast = (flags & frameFlag.endStream) !== 0;
    const wasteful = body.length === 0 && !isLast;
    if (wasteful && !this.#settings.take(this.heardMs)) {
      this.fail(errorCode.enhanceYourCalm);
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) {
      this.credit(payload.length);
      this.odd();
    } else if (stream.remoteEnded) {
      this.credit(payload.length);
      this.blame(stream, errorCode.streamClosed);
    } else if (!this.takesBody(stream)) {
      this.credit(payload.length);
      this.blame(stream, errorCode.protocolError);
    } else stream.data(body, payload.length, isLast);
  }

  #headers(flags: number, id: number, payload: Buffer): void {
    const unpaddedPayload = unpadded(payload, flags);
    if (id === 0 || !unpaddedPayload) {
      this.fail(errorCode.protocolError);
      return;
    }
    const skipped = flags & frameFlag.priority ? 5 : 0;
    if (unpaddedPayload.length < skipped) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    const fragment = skipped ? unpaddedPayload.subarray(skipped) : unpaddedPayload;
    const endStream = (flags & frameFlag.endStream) !== 0;
    if (flags & frameFlag.endHeaders) this.#decode(id, endStream, fragment);
    else {
      const { length: bytes } = fragment;
      this.#section = { stream: id, endStream, fragments: [fragment], bytes, sinceMs: this.heardMs };
    }
  }

  #continuation(flags: number, payload: Buffer): void {
    const section = this.#section;
    if (!section) {
      this.fail(errorCode.protocolError);
      return;
    }
    section.fragments.push(payload);
    section.bytes += payload.length;
    const isTooLong = section.bytes > this.limits.headBytes || section.fragments.length > this.limits.continuations + 1;
    if (isTooLong) {
      this.fail(errorCode.enhanceYourCalm);
      return;
    }
    if ((flags & frameFlag.endHeaders) === 0) return;
    this.#section = undefined;
    this.#decode(section.stream, section.endStream, Buffer.concat(section.fragments));
  }

  #decode(id: number, endStream: boolean, block: Buffer): void {
    const section = this.#decoder.decode(block);
    if (section) this.section(id, section, endStream);
    else this.fail(errorCode.compressionError);
  }

  #windowUpdate(id: number, payload: Buffer): void {
    if (payload.length !== 4) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    const increment = payload.readUInt32BE(0) & maxWindow;
    if (id === 0) {
      this.sendWindow += increment;
      if (increment === 0) this.fail(errorCode.protocolError);
      else if (this.sendWindow > maxWindow) this.fail(errorCode.flowControlError);
      else this.#pump();
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.isIdle(id)) this.fail(errorCode.protocolError);
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.blame(stream, errorCode.protocolError);
    else if (stream.sendWindow > maxWindow) this.blame(stream, errorCode.flowControlError);
    else if (this.#waiting.has(stream) && stream.pump()) this.#waiting.delete(stream);
  }

  #rstStream(id: number, payload: Buffer): void {
    if (payload.length !== 4) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    if (this.isIdle(id)) {
      this.fail(errorCode.protocolError);
      return;
    }
    const stream = this.streams.get(id);
    if (!stream) {
      this.odd();
      return;
    }
    this.#forget(stream);
    this.wasReset(stream, payload.readUInt32BE(0));
    if (!this.#resets.take(this.heardMs)) this.fail(errorCode.enhanceYourCalm);
  }

  #takeSettings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) {
      this.fail(errorCode.protocolError);
      return;
    }
    if (flags & frameFlag.ack) {
      if (payload.length > 0) this.fail(errorCode.frameSizeError);
      return;
    }
    if (payload.length % 6 !== 0) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    this.#gotSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      this.#setting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (this.isOver) return;
    }
    if (!this.#settings.take(this.heardMs)) {
      this.fail(errorCode.enhanceYourCalm);
      return;
    }
    this.output.frame(frameType.settings, frameFlag.ack, 0, noPayload);
    this.settingsChanged();
  }

  #setting(id: number, value: number): void {
    if (id === settingId.headerTableSize) this.encoder.allow(value);
    else if (id === settingId.enablePush && value > 1) this.fail(errorCode.protocolError);
    else if (id === settingId.maxConcurrentStreams) this.peerMaxStreams = value;
    else if (id === settingId.maxFrameSize && (value < 16_384 || value > 16_777_215))
      this.fail(errorCode.protocolError);
    else if (id === settingId.initialWindowSize) {
      if (value > maxWindow) {
        this.fail(errorCode.flowControlError);
        return;
      }
      const change = value - this.peerInitialWindow;
      this.peerInitialWindow = value;
      for (const stream of this.streams.values()) {
        stream.sendWindow += change;
        if (stream.sendWindow > maxWindow) {
          this.fail(errorCode.flowControlError);
          return;
        }
      }
      if (change > 0) this.#pump();
    }
  }

  #ping(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) {
      this.fail(errorCode.protocolError);
      return;
    }
    if (payload.length !== 8) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    if (flags & frameFlag.ack) {
      this.ponged(payload);
      return;
    }
    this.odd();
    if (!this.isOver) this.output.frame(frameType.ping, frameFlag.ack, 0, payload);
  }

  #goAway(id: number, payload: Buffer): void {
    if (id !== 0) {
      this.fail(errorCode.protocolError);
      return;
    }
    if (payload.length < 8) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    this.goneAway(payload.readUInt32BE(0) & maxWindow);
  }

  #priority(id: number, payload: Buffer): void {
    if (id === 0) {
      this.fail(errorCode.protocolError);
      return;
    }
    if (payload.length !== 5) {
      this.fail(errorCode.frameSizeError);
      return;
    }
    this.odd();
  }

  /** Something that costs us and brings the peer nothing. */
  protected odd(): void {
    if (!this.#odd.take(this.heardMs)) this.fail(errorCode.enhanceYourCalm);
  }

  // What server and client do differently

  /** A whole field section: of a new stream, or of a known one. */
  protected abstract section(id: number, section: FieldSection, endStream: boolean): void;
  /** No stream of this number has been opened yet. */
  protected abstract isIdle(id: number): boolean;
  /** DATA may come: the head was there. */
  protected abstract takesBody(stream: Http2Stream): boolean;
  /** The peer reset it; it is forgotten already. */
  protected abstract wasReset(stream: Http2Stream, code: number): void;
  /** Streams above `last` were not processed. */
  protected abstract goneAway(last: number): void;
  protected abstract settingsChanged(): void;
  protected abstract ponged(payload: Buffer): void;
  /** A stream is over in both directions, or reset. */
  protected abstract streamOver(stream: Http2Stream): void;
  /** Why streams fail when the connection ends. */
  protected abstract lossOf(stream: Http2Stream): Failure;
  /** The connection has ended, once. */
  protected abstract connectionOver(): void;
  /** Looks what waits too long. */
  protected abstract watch(nowMs: number): void;

  // StreamConnection

  wait(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  credit(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed * 2 < this.limits.connectionWindow || this.isOver) return;
    this.output.word(frameType.windowUpdate, 0, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  trailers(stream: Http2Stream, fields: FieldLines): void {
    this.encoder.begin();
    encodeFields(this.encoder, fields);
    this.output.headers(stream.id, this.encoder.finish(), true);
  }

  ended(stream: Http2Stream): void {
    if (!stream.localEnded || !stream.remoteEnded) return;
    this.#forget(stream);
    stream.close();
    this.streamOver(stream);
  }

  blame(stream: Http2Stream, code: number): void {
    this.reset(stream, code);
    stream.fail('protocol-error');
    if (!this.#resets.take(this.heardMs)) this.fail(errorCode.enhanceYourCalm);
  }

  /** Sends RST_STREAM; the receiver learns nothing. */
  protected reset(stream: Http2Stream, code: number): void {
    if (!this.streams.has(stream.id)) return;
    this.output.word(frameType.rstStream, stream.id, code);
    this.#forget(stream);
    this.streamOver(stream);
  }

  /** Ends a stream that we do not want any more. */
  protected drop(stream: Http2Stream, code: number): void {
    this.reset(stream, code);
    stream.close();
  }

  #forget(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.#waiting.delete(stream);
  }

  /** Streams that wait send in turns. */
  #pump(): void {
    for (let progress = true; progress && this.#waiting.size > 0; ) {
      progress = false;
      for (const stream of [...this.#waiting]) {
        if (this.sendWindow <= 0 || this.output.isClogged) return;
        const before = this.sendWindow;
        const isDone = stream.pump();
        if (isDone) this.#waiting.delete(stream);
        progress ||= isDone || this.sendWindow < before;
      }
    }
  }

  // The end

  /** Called twice a second. */
  tick(nowMs: number): void {
    const { headMs, pingMs, pingTimeoutMs } = this.limits;
    const opening = this.#gotSettings ? this.#section?.sinceMs : this.#startedMs;
    if (opening !== undefined && nowMs - opening > headMs) this.fail(errorCode.settingsTimeout);
    else if (this.#pingedMs !== undefined) {
      if (nowMs - this.#pingedMs > pingTimeoutMs) this.destroy();
    } else if (this.streams.size === 0 && nowMs - this.heardMs > pingMs) {
      this.#pingedMs = nowMs;
      this.output.frame(frameType.ping, 0, 0, Buffer.alloc(8));
    }
    if (!this.isOver) this.#endStalled(nowMs);
    if (!this.isOver) this.watch(nowMs);
  }

  /** A peer that opens no window would hold what answers it for ever. */
  #endStalled(nowMs: number): void {
    for (const stream of [...this.#waiting]) {
      if (!stream.isStalled(nowMs, this.limits.stallMs)) continue;
      this.reset(stream, errorCode.cancel);
      stream.fail('idle-timeout');
    }
  }

  /** A connection error: GOAWAY with the code, and the end. */
  protected fail(code: number): void {
    if (this.isOver) return;
    this.output.goAway(this.lastProcessed(), code);
    this.output.end();
    this.#over();
  }

  /** For GOAWAY: the peer's last stream that we may have acted on. */
  protected lastProcessed(): number {
    return 0;
  }

  /** After what has been written. */
  protected finish(): void {
    this.output.end();
    this.#over();
  }

  destroy(): void {
    this.#over();
    this.socket.destroy();
  }

  #over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#deadlines.delete(this);
    this.output.flush();
    this.socket.end();
    const streams = [...this.streams.values()];
    this.streams.clear();
    this.#waiting = new Set();
    for (const stream of streams) {
      const why = this.lossOf(stream);
      this.streamOver(stream);
      stream.fail(why);
    }
    if (!this.socket.destroyed) {
      this.socket.resume();
      this.socket.once(
        'close',
        this.clock.after(lingerMs, () => this.socket.destroy()),
      );
    }
    this.connectionOver();
  }
}

/** What comes after the last frame is read, so that the peer gets to read that frame; a peer that sends more than this floods (bytes). */
const mostDiscarded = 256 * 1024;
/** Time for the last frames to leave (ms). */
const lingerMs = 1_000;
