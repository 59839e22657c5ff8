import { addon, type NativeWires } from '../../addon.js';
import { atTurnsEnd, type TurnEnd, takeTurn } from './turn.js';

/** A socket among the wires, as its owner sees it. */
export interface WireEnd {
  /** The bytes are the receiver's for the time of the call. */
  received(bytes: Buffer): void;
  /** The peer has ended or reset the connection; what exactly, the socket itself will tell who reads it. */
  lost(): void;
  /** The kernel did not take these bytes, nor what was written behind them; they are the receiver's. */
  refused(bytes: Buffer): void;
}

/** Each has a second descriptor: bounded, as descriptors are. Further connections go on as Node's streams. */
const mostWires = 1_024;
/** What the addon asks for: 16 KiB for each of 32 sockets. */
const inputBytes = 512 * 1024;
const outputBytes = 256 * 1024;
const mostEvents = 32;
const mostOrders = 1_024;
/** The lower bits of a wire's number: its place. */
const placeMask = 0xfff;

let shared: Wires | undefined;
let isTried = false;

/** The one of this process; undefined where the addon is not built. */
export function sharedWires(): Wires | undefined {
  if (!isTried) {
    isTried = true;
    try {
      shared = new Wires();
    } catch {
      shared = undefined;
    }
  }
  return shared;
}

/** Sockets that are read and written in batches by the addon: one call for all that came in, one for all that goes out behind it. */
export class Wires implements TurnEnd {
  readonly #input: Buffer = Buffer.allocUnsafeSlow(inputBytes);
  readonly #events = new Int32Array(mostEvents * 2);
  readonly #output: Buffer = Buffer.allocUnsafeSlow(outputBytes);
  readonly #orders = new Int32Array(mostOrders * 3);
  readonly #native: NativeWires;
  /** By place; the number tells whether an event is still about the one who has it now. */
  readonly #ends: ({ readonly number: number; readonly end: WireEnd } | undefined)[] = [];
  readonly #handle = (count: number): void => this.#deal(count);
  #open = 0;
  #ordered = 0;
  #outputAt = 0;

  /** Throws `NativeError`. */
  constructor() {
    this.#native = addon().openWires({
      input: this.#input,
      events: this.#events,
      output: this.#output,
      orders: this.#orders,
      ready: (count) => takeTurn(this.#handle, count, undefined),
    });
  }

  /** Takes a connected socket, whose descriptor stays the caller's; nobody else may read it now. Its number, undefined when there is no room. */
  add(fd: number, end: WireEnd): number | undefined {
    if (this.#open >= mostWires) return undefined;
    let number: number;
    try {
      number = this.#native.add(fd);
    } catch {
      return undefined;
    }
    this.#open++;
    this.#ends[number & placeMask] = { number, end };
    return number;
  }

  /** What was written and is not sent is lost. */
  remove(number: number): void {
    if (this.#endOf(number) === undefined) return;
    this.#open--;
    this.#ends[number & placeMask] = undefined;
    this.#native.remove(number);
  }

  setReading(number: number, isWanted: boolean): void {
    this.#native.setReading(number, isWanted);
  }

  /** Writes text as latin1, then a chunk, then text at the end of the turn. False: it is too long, and nothing is done. */
  write(number: number, before: string, chunk: Buffer | undefined, after: string): boolean {
    const length = before.length + after.length + (chunk === undefined ? 0 : chunk.length);
    if (length > outputBytes) return false;
    if (length > outputBytes - this.#outputAt || this.#ordered === mostOrders) this.commit();
    if (this.#ordered === 0) atTurnsEnd(this);
    const start = this.#outputAt;
    let at = start;
    if (before !== '') at += this.#output.write(before, at, 'latin1');
    if (chunk !== undefined) {
      this.#output.set(chunk, at);
      at += chunk.length;
    }
    if (after !== '') at += this.#output.write(after, at, 'latin1');
    const order = this.#ordered * 3;
    this.#orders[order] = number;
    this.#orders[order + 1] = start;
    this.#orders[order + 2] = length;
    this.#outputAt = at;
    this.#ordered++;
    return true;
  }

  endTurn(): void {
    this.commit();
  }

  /** Sends what was written, now. */
  commit(): void {
    const count = this.#ordered;
    if (count === 0) return;
    const end = this.#outputAt;
    this.#ordered = 0;
    this.#outputAt = 0;
    const starts = this.#orders;
    this.#native.send(count);
    for (let order = 0; order < count; order++) {
      const start = starts[order * 3 + 1]!;
      const sent = Math.max(starts[order * 3 + 2]!, 0);
      const stop = order + 1 < count ? starts[order * 3 + 4]! : end;
      if (start + sent === stop) continue;
      this.#endOf(starts[order * 3]!)?.refused(Buffer.from(this.#output.subarray(start + sent, stop)));
    }
  }

  #deal(count: number): void {
    let at = 0;
    for (let event = 0; event < count; event++) {
      const end = this.#endOf(this.#events[event * 2]!);
      const length = this.#events[event * 2 + 1]!;
      if (length <= 0) end?.lost();
      else {
        end?.received(this.#input.subarray(at, at + length));
        at += length;
      }
    }
  }

  #endOf(number: number): WireEnd | undefined {
    const entry = this.#ends[number & placeMask];
    return entry?.number === number ? entry.end : undefined;
  }
}
