/** Where the API or the metrics listen: a Unix socket, or an address and a port. */
export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

export const defaultApi = 'unix:/run/weft/api.sock';
export const defaultMetrics = '127.0.0.1:15090';

/** Longest path of a Unix socket: sun_path of unix(7) less its final zero byte. */
const longestSocketPath = 107;

/** Reads `unix:/PATH`, `HOST:PORT`, `[V6]:PORT` or `:PORT` (every IPv4 address), with or without `http://`. A string says what is wrong. */
export function parseAddress(text: string): ListenAddress | string {
  if (text.startsWith('unix:') || text.startsWith('/')) {
    const path = text.replace(/^unix:(\/\/(?=\/))?/, '');
    if (!path.startsWith('/')) return `${text}: the path of a Unix socket must be absolute, as in ${defaultApi}`;
    if (Buffer.byteLength(path) > longestSocketPath)
      return `${text}: the path of a Unix socket has at most ${longestSocketPath} bytes`;
    return { type: 'unix', path };
  }
  const match = /^(?:http:\/\/)?(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*)):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return `${text}: expected unix:/PATH, HOST:PORT or [IPV6]:PORT`;
  return { type: 'tcp', host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]!), port };
}

export function showAddress(address: ListenAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  return `${showHost(address.host)}:${address.port}`;
}

/** A host as it stands in a URL: IPv6 in brackets (RFC 3986 3.2.2). */
export function showHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
