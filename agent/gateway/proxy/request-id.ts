const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A UUID of version 4 (RFC 9562 5.4) from `random`, in [0, 1). For telling requests apart, not for secrets. */
export function requestId(random: () => number): string {
  const a = (random() * 0x1_0000_0000) >>> 0;
  const b = (random() * 0x1_0000_0000) >>> 0;
  const c = (random() * 0x1_0000_0000) >>> 0;
  const d = (random() * 0x1_0000_0000) >>> 0;
  const version = 0x40 | ((b >>> 8) & 0x0f);
  const variant = 0x80 | ((c >>> 24) & 0x3f);
  return `${word(a)}-${pair(b >>> 16)}-${hex[version]}${hex[b & 0xff]}-${hex[variant]}${hex[(c >>> 16) & 0xff]}-${pair(c)}${word(d)}`;
}

function word(value: number): string {
  return pair(value >>> 16) + pair(value);
}

function pair(value: number): string {
  return hex[(value >>> 8) & 0xff]! + hex[value & 0xff]!;
}
