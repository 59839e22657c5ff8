/** What a client says of itself before TLS encrypts anything (RFC 8446 4.1.2). */
export interface ClientHello {
  /** Lower case; empty when none is sent. */
  readonly sni: string;
  /** Application protocols that it offers (RFC 7301). */
  readonly protocols: readonly string[];
}

/** `more`: not all of it is there. `none`: these bytes are no ClientHello. */
export type HelloResult = { readonly type: 'hello'; readonly hello: ClientHello } | { readonly type: 'more' | 'none' };

/** A ClientHello longer than this is none (bytes, with the heads of its records). */
export const longestHello = 32_768;

const more: HelloResult = { type: 'more' };
const none: HelloResult = { type: 'none' };

const handshakeRecord = 22;
const clientHello = 1;
const recordHead = 5;
const handshakeHead = 4;
const longestRecord = 16_384;
/** Records that one ClientHello may be split over. */
const mostRecords = 64;

const serverName = 0;
const applicationProtocols = 16;

/** Reads the ClientHello at the beginning of a connection; its handshake message may be split over records. */
export function readClientHello(bytes: Buffer): HelloResult {
  const message = handshakeMessage(bytes);
  if (!Buffer.isBuffer(message)) return message;
  const hello = helloOf(new Reader(message));
  return hello ? { type: 'hello', hello } : none;
}

/** The body of the first handshake message, put together from its records. */
function handshakeMessage(bytes: Buffer): Buffer | HelloResult {
  const parts: Buffer[] = [];
  let length = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let at = 0;
  while (length < wanted) {
    if (parts.length === mostRecords || !couldBeRecord(bytes, at)) return none;
    if (bytes.length - at < recordHead) return bytes.length < longestHello ? more : none;
    const recordLength = bytes.readUInt16BE(at + 3);
    if (recordLength === 0 || recordLength > longestRecord) return none;
    const part = bytes.subarray(at + recordHead, at + recordHead + recordLength);
    parts.push(part);
    length += part.length;
    at += recordHead + recordLength;
    if (wanted === Number.POSITIVE_INFINITY && length > 0) {
      const head = parts.length === 1 ? part : Buffer.concat(parts);
      if (head[0] !== clientHello) return none;
      if (head.length >= handshakeHead) wanted = handshakeHead + head.readUIntBE(1, 3);
      if (wanted !== Number.POSITIVE_INFINITY && wanted > longestHello) return none;
    }
    if (length < wanted && part.length < recordLength) return bytes.length < longestHello ? more : none;
  }
  return Buffer.concat(parts, length).subarray(handshakeHead, wanted);
}

/** As far as it is there: a handshake record of TLS 1.x. */
function couldBeRecord(bytes: Buffer, at: number): boolean {
  const type = bytes[at];
  const major = bytes[at + 1];
  const minor = bytes[at + 2];
  return (
    (type === undefined || type === handshakeRecord) &&
    (major === undefined || major === 3) &&
    (minor === undefined || minor <= 4)
  );
}

/** Reads fields one after the other; `isBroken` once there was too little. */
class Reader {
  isBroken = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.isBroken || this.#at >= this.#bytes.length;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) this.isBroken = true;
    const taken = this.isBroken ? Buffer.alloc(0) : this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  number(width: number): number {
    const bytes = this.take(width);
    return this.isBroken ? 0 : bytes.readUIntBE(0, width);
  }

  /** A field that begins with its own length. */
  vector(width: number): Reader {
    const inner = new Reader(this.take(this.number(width)));
    inner.isBroken = this.isBroken;
    return inner;
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

function helloOf(reader: Reader): ClientHello | undefined {
  if (reader.number(2) >> 8 !== 3) return undefined;
  reader.take(32);
  const session = reader.vector(1).rest();
  const ciphers = reader.vector(2).rest();
  const compressions = reader.vector(1).rest();
  if (reader.isBroken || session.length > 32 || ciphers.length === 0 || ciphers.length % 2 === 1) return undefined;
  if (compressions.length === 0) return undefined;
  if (reader.isEmpty) return { sni: '', protocols: [] };
  const extensions = reader.vector(2);
  if (reader.isBroken || !reader.isEmpty) return undefined;
  return extensionsOf(extensions);
}

function extensionsOf(extensions: Reader): ClientHello | undefined {
  const seen = new Set<number>();
  let sni: string | undefined = '';
  let protocols: readonly string[] | undefined = [];
  while (!extensions.isEmpty) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (extensions.isBroken || seen.has(type)) return undefined;
    seen.add(type);
    if (type === serverName) sni = nameIn(content);
    else if (type === applicationProtocols) protocols = protocolsIn(content);
  }
  return extensions.isBroken || sni === undefined || protocols === undefined ? undefined : { sni, protocols };
}

const dnsName =
  /^(?=.{1,253}\.?$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;

/** RFC 6066 3: one host name. */
function nameIn(content: Reader): string | undefined {
  const list = content.vector(2);
  const type = list.number(1);
  const name = list.vector(2).rest().toString('latin1').toLowerCase();
  if (list.isBroken || !list.isEmpty || !content.isEmpty || content.isBroken || type !== 0) return undefined;
  if (!dnsName.test(name)) return undefined;
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function protocolsIn(content: Reader): readonly string[] | undefined {
  const list = content.vector(2);
  const protocols: string[] = [];
  while (!list.isEmpty) {
    const protocol = list.vector(1).rest();
    if (list.isBroken || protocol.length === 0) return undefined;
    protocols.push(protocol.toString('latin1'));
  }
  return list.isBroken || content.isBroken || !content.isEmpty || protocols.length === 0 ? undefined : protocols;
}
