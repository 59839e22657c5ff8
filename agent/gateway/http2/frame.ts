/** Frame types (RFC 9113 6). */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const frameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Settings (RFC 9113 6.5.2). */
export const settingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const;

/** Bytes of a frame's head. */
export const frameHeadLength = 9;

/** What is taken and sent, whatever the peer would take (bytes of a frame's payload). */
export const maxFrameLength = 16_384;

export const maxWindow = 0x7fff_ffff;

/** Window of a new stream or connection before any setting (bytes). */
export const defaultWindow = 65_535;

/** What a client sends first (RFC 9113 3.4). */
export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Payload of a padded frame without its padding; undefined when the padding is longer than the frame. */
export function unpadded(payload: Buffer, flags: number): Buffer | undefined {
  if ((flags & frameFlag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length) return undefined;
  return payload.subarray(1, payload.length - padding);
}
