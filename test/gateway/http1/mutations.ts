/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const next = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const usual = 'Host: a\r\nUser-Agent: test\r\nAccept: */*\r\n';

const requests: readonly string[] = [
  `GET /a/b?c=d HTTP/1.1\r\n${usual}\r\n${next}`,
  `POST /length HTTP/1.1\r\n${usual}Content-Length: 5\r\n\r\nhello${next}`,
  `POST /length HTTP/1.1\r\n${usual}Content-Length: ${next.length}\r\n\r\n${next}${next}`,
  `POST /chunks HTTP/1.1\r\n${usual}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${next}`,
  `POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${usual}\r\n5;a=b\r\nhello\r\n1\r\n \r\n0\r\nX-Sum: 1\r\n\r\n${next}`,
  `POST /chunks HTTP/1.1\r\n${usual}Transfer-Encoding: chunked\r\n\r\n${next.length.toString(16)}\r\n${next}\r\n0\r\n\r\n${next}`,
  `PUT http://a/absolute?x HTTP/1.1\r\n${usual}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n${next}`,
  `OPTIONS * HTTP/1.1\r\nHost: a:80\r\n\r\n${next}`,
  `GET /old HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab${next}`,
  `GET /close HTTP/1.1\r\n${usual}Connection: close, X-Hop\r\nX-Hop: 1\r\n\r\n${next}`,
  `GET /socket HTTP/1.1\r\n${usual}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n${next}`,
  `POST /expect HTTP/1.1\r\n${usual}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc${next}`,
];

const nextResponse = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx';

const responses: readonly string[] = [
  `HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\n\r\nhello${nextResponse}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n${nextResponse}`,
  `HTTP/1.1 204 No Content\r\nServer: s\r\n\r\n${nextResponse}`,
  `HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n${nextResponse}`,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx`,
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall the rest',
  `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab${nextResponse}`,
  `HTTP/1.1 404 Not Found\r\nContent-Length: ${nextResponse.length}\r\n\r\n${nextResponse}${nextResponse}`,
];

/** Lines that once made two programs disagree. */
const lines: readonly string[] = [
  'Content-Length: 5',
  'Content-Length: 6',
  'Content-Length: +5',
  'Content-Length: -5',
  'Content-Length: 5, 5',
  'Content-Length: 0x5',
  'Content-Length: 5 5',
  'Content-Length:',
  'Content-Length: 00005',
  'Content-Length: 18446744073709551621',
  'Content_Length: 5',
  'Content-Length : 5',
  ' Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding:',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding: x\r\n chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'X: y\x00z',
  ': nameless',
  'nothing',
  'Host: b',
  'Host:',
  'Host: a@b',
  'Connection: content-length',
  'Connection: transfer-encoding',
  'Connection: close',
  'Connection: Keep-Alive',
  'Upgrade: h2c',
  'Connection: Upgrade',
  'TE: trailers',
  'Trailer: Content-Length',
  'X: \xff\x80',
];

const pieces: readonly string[] = [
  '\r',
  '\n',
  '\r\n',
  '\t',
  ' ',
  '\x00',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ';',
  ',',
  '_',
  '-',
  '+',
  '0',
  '1',
  'a',
  'F',
  'x',
  '#',
  '%',
  '%2e',
  '/',
  '/..',
  '\\',
  '?',
  '"',
  '\r\n\r\n',
  '0\r\n\r\n',
  '\r\n ',
  'chunked',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
];

function choose<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)]!;
}

/** Messages that were valid once, changed in one to four places. */
export function mutated(type: 'request' | 'response', random: () => number): string {
  const seeds = type === 'request' ? requests : responses;
  let text = choose(seeds, random);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) text = changed(text, seeds, random);
  return text;
}

function changed(text: string, seeds: readonly string[], random: () => number): string {
  const headEnd = Math.max(1, text.indexOf('\r\n\r\n'));
  const inHead = random() < 0.8;
  const at = Math.floor(random() * (inHead ? headEnd : text.length));
  switch (Math.floor(random() * 8)) {
    case 0:
      return text.slice(0, at) + choose(pieces, random) + text.slice(at);
    case 1:
      return text.slice(0, at) + choose(pieces, random) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + Math.floor(random() * 3));
    case 3:
      return withLine(text, choose(lines, random), random);
    case 4:
      return withLine(text, choose(text.slice(0, headEnd).split('\r\n'), random), random);
    case 5:
      return (
        text.slice(0, at) +
        String.fromCharCode(text.charCodeAt(at) ^ (1 << Math.floor(random() * 8))) +
        text.slice(at + 1)
      );
    case 6:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1);
    default: {
      const other = choose(seeds, random);
      return random() < 0.5 ? text.slice(0, at) + other.slice(Math.min(at, other.length)) : text + other;
    }
  }
}

/** With one more line at the beginning of some line of the head. */
function withLine(text: string, line: string, random: () => number): string {
  const starts: number[] = [];
  const end = text.indexOf('\r\n\r\n');
  for (let at = text.indexOf('\r\n'); at >= 0 && at <= end; at = text.indexOf('\r\n', at + 2)) starts.push(at + 2);
  const at = starts.length === 0 ? 0 : choose(starts, random);
  return `${text.slice(0, at)}${line}\r\n${text.slice(at)}`;
}
