import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRaw, type Raw } from '../../../agent/model/fields.js';
import { readTranscript } from '../../kubernetes/transcripts.js';

/** Where on the wire the answer to a watch breaks. */
export const cutPlaces = [
  'before the head',
  'in the head',
  'in the size of a chunk',
  'in a line',
  'in a character',
  'between lines',
  'between chunks',
] as const;

export type CutPlace = (typeof cutPlaces)[number];

/** What one collection was when it was recorded. */
export interface Recorded {
  /** With its field selector, if it has one. */
  readonly target: string;
  /** Of the list; undefined: there was nothing in it. */
  readonly list: string | undefined;
  readonly watch: string;
  /** The version that the list has in the replay: the one that the recorded watch began at. */
  readonly version: string;
  /** The watch begins with what there is. */
  readonly isStreamed?: boolean;
}

interface Line {
  readonly version: number;
  readonly bytes: Buffer;
}

/** One answer as bytes, with the places at which it may be cut. */
class Wire {
  readonly #parts: Buffer[] = [];
  #length = 0;
  readonly places = new Map<CutPlace, number[]>(cutPlaces.map((place) => [place, []]));

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  head(): void {
    this.places.get('before the head')!.push(0);
    const text = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    this.#inside('in the head', text.length);
    this.#add(Buffer.from(text));
  }

  /** In two chunks, so that a line does not end where a chunk does. */
  line(line: Buffer): void {
    const middle = Math.floor(line.length / 3);
    this.#chunk(line.subarray(0, middle));
    this.places.get('between chunks')!.push(this.#length);
    this.#chunk(line.subarray(middle));
    this.places.get('between lines')!.push(this.#length);
  }

  #chunk(data: Buffer): void {
    const size = Buffer.from(`${data.length.toString(16)}\r\n`);
    this.#inside('in the size of a chunk', size.length);
    this.#add(size);
    this.#inside('in a line', data.length);
    for (const [index, byte] of data.entries()) {
      // A byte that goes on with a character (RFC 3629, section 3).
      if ((byte & 0xc0) === 0x80) this.places.get('in a character')!.push(this.#length + index);
    }
    this.#add(data);
    this.#add(Buffer.from('\r\n'));
  }

  #inside(place: CutPlace, length: number): void {
    for (let offset = 1; offset < length; offset++) this.places.get(place)!.push(this.#length + offset);
  }

  #add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}

/** Lets the recorded zones have letters of more than a byte. */
function withLetters(text: string): string {
  return text.replaceAll(/("zone": ?)"zone-/g, '$1"zürich-');
}

/** One collection as it was recorded: its list, then the events of its watch, however often that is cut. */
export class ReplayedCollection {
  readonly #recorded: Recorded;
  readonly #list: string;
  readonly #lines: readonly Line[];
  /** Events that a watch begins with when it has no version to go on from. */
  readonly #initial: readonly Buffer[];
  /** How many cuts are left, and how many there were of each place. */
  cutsLeft = 0;
  readonly cuts: Map<CutPlace, number> = new Map();

  constructor(recorded: Recorded) {
    this.#recorded = recorded;
    const lines = withLetters(readTranscript(recorded.watch).body.toString('utf8')).split('\n').filter(Boolean);
    const empty = { metadata: { resourceVersion: recorded.version }, items: [] };
    const list = recorded.list === undefined ? empty : JSON.parse(readTranscript(recorded.list).body.toString('utf8'));
    list.metadata.resourceVersion = recorded.version;
    this.#list = withLetters(JSON.stringify(list));
    this.#initial = recorded.isStreamed ? lines.map((line) => Buffer.from(`${line}\n`)) : [];
    this.#lines = recorded.isStreamed
      ? []
      : lines.map((line) => ({ version: versionOf(line), bytes: Buffer.from(`${line}\n`) }));
  }

  /** Answers a list or a watch. `random`: from 0 to 1. */
  answer(url: URL, request: IncomingMessage, response: ServerResponse, random: () => number): void {
    const isPartial = (request.headers.accept ?? '').includes('PartialObjectMetadata');
    if (!url.searchParams.has('watch')) {
      response.setHeader('Content-Type', 'application/json').end(isPartial ? partialList(this.#list) : this.#list);
      return;
    }
    const from = Number(url.searchParams.get('resourceVersion'));
    const told = url.searchParams.has('sendInitialEvents')
      ? this.#initial
      : this.#lines.filter(({ version }) => version > from).map(({ bytes }) => bytes);
    this.#stream(request, isPartial ? told.map(partialEvent) : told, random);
  }

  #stream(request: IncomingMessage, told: readonly Buffer[], random: () => number): void {
    const isCut = this.cutsLeft > 0;
    const wire = new Wire();
    wire.head();
    // A few lines at a time, so that there is something left to cut.
    for (const line of isCut && !this.#recorded.isStreamed ? told.slice(0, 3) : told) wire.line(line);
    if (!isCut) {
      request.socket.write(wire.bytes);
      return;
    }
    this.cutsLeft--;
    const place = pick(
      cutPlaces.filter((each) => wire.places.get(each)!.length > 0),
      random,
    );
    this.cuts.set(place, (this.cuts.get(place) ?? 0) + 1);
    const offset = pick(wire.places.get(place)!, random);
    request.socket.write(wire.bytes.subarray(0, offset), () => request.socket.destroy());
  }
}

function pick<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.min(values.length - 1, Math.floor(random() * values.length))]!;
}

function versionOf(line: string): number {
  return Number(JSON.parse(line).object.metadata.resourceVersion);
}

function partial(object: Raw): Raw {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function partialList(text: string): string {
  const list = JSON.parse(text);
  return JSON.stringify({ ...list, kind: 'PartialObjectMetadataList', items: list.items.map(partial) });
}

function partialEvent(line: Buffer): Buffer {
  const { object, type } = JSON.parse(line.toString('utf8'));
  return Buffer.from(`${JSON.stringify({ type, object: isRaw(object) ? partial(object) : object })}\n`);
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
