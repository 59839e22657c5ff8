/** What a field means to the framing and to the connection; everything else is the exchange's. */
export const role = {
  none: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  /** Of one connection only, and of no meaning here. */
  hop: 8,
  /** Spelled so that another program may take it for a framing field. */
  forged: 9,
} as const;

const roles: ReadonlyMap<string, number> = new Map([
  ['host', role.host],
  ['content-length', role.contentLength],
  ['transfer-encoding', role.transferEncoding],
  ['connection', role.connection],
  ['expect', role.expect],
  ['upgrade', role.upgrade],
  ['te', role.te],
  ['keep-alive', role.hop],
  ['proxy-connection', role.hop],
  ['http2-settings', role.hop],
  ['content_length', role.forged],
  ['transfer_encoding', role.forged],
]);

export function roleOf(name: string): number {
  return roles.get(name.toLowerCase()) ?? role.none;
}

const slots = 1024;
const longestKept = 64;

/**
 * Strings for bytes that come again and again (field names, methods), so that these cost no allocation. Direct-mapped: a name that falls on
 * another's slot takes it, so that its size never grows and a flood of made-up names costs no more than having no cache.
 */
export class NameCache {
  readonly #names: string[] = new Array<string>(slots).fill('');
  readonly #roles: Uint8Array = new Uint8Array(slots);
  /** Role of what `find` returned last. */
  role = 0;

  /** The text of the bytes, at least one. */
  find(bytes: Buffer, from: number, to: number): string {
    const slot = slotOf(bytes, from, to);
    const known = this.#names[slot]!;
    if (known.length === to - from) {
      let at = from;
      while (at < to && known.charCodeAt(at - from) === bytes[at]) at++;
      if (at === to) {
        this.role = this.#roles[slot]!;
        return known;
      }
    }
    const name = bytes.toString('latin1', from, to);
    this.role = roleOf(name);
    if (name.length <= longestKept) {
      this.#names[slot] = name;
      this.#roles[slot] = this.role;
    }
    return name;
  }
}

/** Length and four of the bytes; the factors were searched for: of 130 usual names two pairs share a slot. */
function slotOf(bytes: Buffer, from: number, to: number): number {
  const length = to - from;
  const inside = bytes[from + (length >> 1)]! * 23 + bytes[from + (length >> 2)]! * 46;
  return (length * 81 + bytes[from]! * 229 + bytes[to - 1]! * 193 + inside) & (slots - 1);
}
