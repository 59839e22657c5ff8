/** Bytes of a client and what becomes of them: the status that refuses them, or the targets of the requests that are forwarded. */
export interface Hostile {
  readonly name: string;
  readonly bytes: string;
  readonly refused: number;
  /** Targets in order, with their bodies: `/target body`. */
  readonly forwarded: readonly string[];
}

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

function post(fields: string, body = ''): string {
  return `POST /p HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;
}

function line(text: string): string {
  return `${text}\r\nHost: a\r\n\r\n`;
}

function refused(name: string, bytes: string, status = 400): Hostile {
  return { name, bytes, refused: status, forwarded: [] };
}

function served(name: string, bytes: string, ...forwarded: readonly string[]): Hostile {
  return { name, bytes, refused: 0, forwarded };
}

/** A head that was forwarded before its body turned out to be malformed. */
function cut(name: string, body: string): Hostile {
  return { name, bytes: post('Transfer-Encoding: chunked', body), refused: 400, forwarded: [] };
}

const chunked = '0\r\n\r\n';

const framing: readonly Hostile[] = [
  refused(
    'CL.TE',
    post(`Content-Length: ${chunked.length + smuggled.length}\r\nTransfer-Encoding: chunked`, chunked + smuggled),
  ),
  refused(
    'TE.CL',
    post(
      'Transfer-Encoding: chunked\r\nContent-Length: 4',
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n${chunked}`,
    ),
  ),
  refused('TE.TE twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', chunked)),
  refused('TE.TE with identity', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', chunked)),
  ...[
    'xchunked',
    'chunked, identity',
    'identity',
    'identity, chunked',
    'chunked, chunked',
    'chunked;q=1',
    '"chunked"',
    'chunked,',
    ',chunked',
    '\x0bchunked',
    'chunked\x0b',
    'chun\x00ked',
    'chunked\xa0',
    '',
  ].map((coding) => refused(`TE of ${JSON.stringify(coding)}`, post(`Transfer-Encoding: ${coding}`, chunked))),
  refused('TE of gzip under chunked', post('Transfer-Encoding: gzip, chunked', chunked), 501),
  refused('TE with a blank before its colon', post('Transfer-Encoding : chunked', chunked)),
  refused('TE on a folded line', post('X: y\r\n Transfer-Encoding: chunked', chunked)),
  refused('TE with a folded value', post('Transfer-Encoding:\r\n chunked', chunked)),
  refused('TE behind a bare LF', post('X: y\nTransfer-Encoding: chunked', chunked)),
  refused('TE behind a bare CR', post('X: y\rTransfer-Encoding: chunked', chunked)),
  refused('TE with underscores', post('Transfer_Encoding: chunked\r\nContent-Length: 5', chunked)),
  refused('TE in HTTP/1.0', `POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`),
  ...['+5', '-5', '5,5', '5, 5', '5 5', '0x5', '5.0', '1e1', '٥', '', '5\x00', '99999999999999999999'].map((length) =>
    refused(`a length of ${JSON.stringify(length)}`, post(`Content-Length: ${length}`, 'hello')),
  ),
  refused('two different lengths', post('Content-Length: 5\r\nContent-Length: 6', 'hello!')),
  refused('the same length twice', post('Content-Length: 5\r\nContent-Length: 5', 'hello')),
  refused('a length with an underscore', post('Content_Length: 5', 'hello')),
  refused('a length with a blank before its colon', post('Content-Length : 5', 'hello')),
  refused('a length with a blank at the line start', post(' Content-Length: 5', 'hello')),
  served(
    'a body of GET',
    `GET /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    `/p ${smuggled}`,
  ),
  served('a request in a body', post(`Content-Length: ${smuggled.length}`, smuggled), `/p ${smuggled}`),
  served('a request behind chunks', post('Transfer-Encoding: chunked', chunked + smuggled), '/p ', '/smuggled '),
  served(
    'a length that Connection names',
    post('Connection: content-length\r\nContent-Length: 5', 'hello'),
    '/p hello',
  ),
  served(
    'chunks that Connection names',
    post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'),
    '/p ok',
  ),
  served('a coding in capitals', post('Transfer-Encoding: CHUNKED', '2\r\nok\r\n0\r\n\r\n'), '/p ok'),
];

const heads: readonly Hostile[] = [
  refused('a bare LF', 'GET / HTTP/1.1\nHost: a\n\n'),
  refused('a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'),
  refused('a bare CR in the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n'),
  refused('a bare CR in a value', post('X: a\rb')),
  refused('line folding', post('X: a\r\n b')),
  refused('line folding by a tab', post('X: a\r\n\tb')),
  refused('folding at the first line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'),
  refused('NUL in a value', post('X: a\x00b')),
  refused('NUL in a name', post('X\x00: a')),
  refused('NUL in the target', line('GET /a\x00b HTTP/1.1')),
  refused('a control in a value', post('X: a\x08b')),
  refused('DEL in a value', post('X: a\x7fb')),
  refused('a blank in a name', post('X Y: a')),
  refused('an empty name', post(': a')),
  refused('a line without a colon', post('nothing')),
  refused('a name beyond ASCII', post('X\xe9: a')),
  refused('HTTP/0.9', 'GET /\r\n'),
  refused('HTTP/0.9 in figures', line('GET / HTTP/0.9'), 505),
  refused('HTTP/1.2', line('GET / HTTP/1.2'), 505),
  refused('HTTP/2.0', line('GET / HTTP/2.0'), 505),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('a version of two digits', line('GET / HTTP/1.10')),
  refused('a version in lower case', line('GET / http/1.1')),
  refused('another protocol', line('GET / ICE/1.0')),
  refused('a version with a blank behind', line('GET / HTTP/1.1 ')),
  refused('two blanks', line('GET  / HTTP/1.1')),
  refused('a tab for a blank', line('GET\t/ HTTP/1.1')),
  refused('a blank before the method', line(' GET / HTTP/1.1')),
  refused('two empty lines before it', `\r\n\r\n${line('GET / HTTP/1.1')}`),
  served('one empty line before it', `\r\n${line('GET /x HTTP/1.1')}`, '/x '),
  refused('a method in lower case', line('get / HTTP/1.1')),
  refused('a method that is no token', line('G@T / HTTP/1.1')),
  refused('a method nobody knows', line('GOT / HTTP/1.1')),
  refused('a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refused('no target', line('GET HTTP/1.1')),
  refused('a target of 17 KiB', line(`GET /${'a'.repeat(17_000)} HTTP/1.1`), 414),
  refused('a head of 33 KiB', post(`X: ${'a'.repeat(33_000)}`), 431),
  refused('a head of 33 KiB without an end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(33_000)}`, 431),
  refused('129 fields', post(`${`X: y\r\n`.repeat(127)}X: y`), 431),
  served('128 fields', post(`${`X: y\r\n`.repeat(125)}X: y\r\nContent-Length: 0`), '/p '),
  refused('an unknown expectation', post('Expect: 200-ok\r\nContent-Length: 0'), 417),
  refused('an Upgrade that is no protocol', post('Connection: Upgrade\r\nUpgrade: web socket')),
  refused('a Connection option that is no token', post('Connection: a b')),
];

const targets: readonly Hostile[] = [
  refused('no Host', 'GET / HTTP/1.1\r\n\r\n'),
  refused('two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'),
  ...[
    '',
    'a b',
    'a@b',
    'a/b',
    'a,b',
    'a?b',
    'a#b',
    'a\\b',
    'a:',
    'a:b',
    'a:65536',
    ':80',
    '[::1',
    '[g::1]',
    '\xe9',
    '<a>',
  ].map((host) => refused(`a Host of ${JSON.stringify(host)}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)),
  served('an address of IPv6', 'GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', '/x '),
  refused('a fragment', line('GET /a#b HTTP/1.1')),
  refused('a fragment in the query', line('GET /a?b#c HTTP/1.1')),
  refused('a target beyond ASCII', line('GET /\xe9 HTTP/1.1')),
  refused('a blank in the target', line('GET /a b HTTP/1.1')),
  refused('a target without a slash', line('GET a HTTP/1.1')),
  refused('an asterisk for GET', line('GET * HTTP/1.1')),
  served('an asterisk for OPTIONS', line('OPTIONS * HTTP/1.1'), '* '),
  refused('CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405),
  refused('CONNECT to a path', line('CONNECT / HTTP/1.1'), 405),
  refused('an authority for GET', line('GET a:80 HTTP/1.1')),
  served('the absolute form', line('GET http://a/b?c HTTP/1.1'), '/b?c '),
  served('the absolute form without a path', line('GET http://A HTTP/1.1'), '/ '),
  served('the absolute form, for OPTIONS', line('OPTIONS http://a HTTP/1.1'), '* '),
  refused('the absolute form for another host', line('GET http://b/ HTTP/1.1')),
  refused('the absolute form with another port', line('GET http://a:81/ HTTP/1.1')),
  refused('the absolute form with a user', line('GET http://u@a/ HTTP/1.1')),
  refused('the absolute form without a host', line('GET http:/// HTTP/1.1')),
  refused('the absolute form of another scheme', line('GET https://a/ HTTP/1.1')),
  refused('a scheme nobody serves', line('GET file:///etc/passwd HTTP/1.1')),
  served('dots', line('GET /a/../../b/./c HTTP/1.1'), '/b/c '),
  served('encoded dots', line('GET /a/%2e%2E/b HTTP/1.1'), '/b '),
  served('backslashes', line('GET /a\\..\\b HTTP/1.1'), '/b '),
  served('two slashes', line('GET //a//b HTTP/1.1'), '//a//b '),
  served('an encoded slash', line('GET /a%2f..%2Fb HTTP/1.1'), '/a%2f..%2Fb '),
  served('dots in the query', line('GET /a?/../%2e%zz HTTP/1.1'), '/a?/../%2e%zz '),
  refused('an encoded NUL', line('GET /a%00 HTTP/1.1')),
  refused('half an escape', line('GET /a%2 HTTP/1.1')),
  refused('an escape that is none', line('GET /a%zz HTTP/1.1')),
];

const bodies: readonly Hostile[] = [
  cut('a size with a blank behind', '2 \r\nok\r\n0\r\n\r\n'),
  cut('a size with a blank before', ' 2\r\nok\r\n0\r\n\r\n'),
  cut('a size of 0x2', '0x2\r\nok\r\n0\r\n\r\n'),
  cut('a signed size', '+2\r\nok\r\n0\r\n\r\n'),
  cut('a negative size', '-2\r\nok\r\n0\r\n\r\n'),
  cut('no size', '\r\nok\r\n0\r\n\r\n'),
  cut('a size that is no number', 'ok\r\nok\r\n0\r\n\r\n'),
  cut('a size beyond 48 bits', '1000000000000\r\nok'),
  cut('a size that wraps at 64 bits', '10000000000000002\r\nok\r\n0\r\n\r\n'),
  cut('a size behind a bare LF', '2\nok\r\n0\r\n\r\n'),
  cut('a chunk that is longer than its size', '2\r\nokk\r\n0\r\n\r\n'),
  cut('a chunk behind a bare LF', '2\r\nok\n0\r\n\r\n'),
  cut('an extension with a bare LF', '2;a=b\nok\r\n0\r\n\r\n'),
  cut('an extension with a bare CR', '2;a\rb\r\nok\r\n0\r\n\r\n'),
  cut('an extension with NUL', '2;a\x00\r\nok\r\n0\r\n\r\n'),
  cut('an extension of 300 bytes', `2;${'a'.repeat(300)}\r\nok\r\n0\r\n\r\n`),
  cut('17 KiB of extensions', `1;${'a'.repeat(240)}\r\nx\r\n`.repeat(72) + chunked),
  cut('a last chunk behind a bare LF', '2\r\nok\r\n0\n\n'),
  cut('a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'),
  cut('a length for a trailer', '0\r\nContent-Length: 5\r\n\r\n'),
  cut('chunks for a trailer', '0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  cut('a Host for a trailer', '0\r\nHost: b\r\n\r\n'),
  cut('9 KiB of trailers', `0\r\n${`X: ${'a'.repeat(900)}\r\n`.repeat(10)}\r\n`),
  cut('129 trailers', `0\r\n${'X: y\r\n'.repeat(129)}\r\n`),
  served('extensions', post('Transfer-Encoding: chunked', '2;a;b=c;d="e f"\r\nok\r\n0;z\r\n\r\n'), '/p ok'),
  served('leading zeros', post('Transfer-Encoding: chunked', '00002\r\nok\r\n0000\r\n\r\n'), '/p ok'),
];

export const hostileRequests: readonly Hostile[] = [...framing, ...heads, ...targets, ...bodies];
