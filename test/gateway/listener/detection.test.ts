import test from 'ava';
import { type Detected, detect, httpVersionOf } from '../../../agent/gateway/listener/detection.js';
import { gatewayId } from '../../../agent/gateway/listener/gateway-address.js';

const rows: readonly (readonly [bytes: string, is: Detected])[] = [
  ['', 'more'],
  ['G', 'more'],
  ['GET', 'more'],
  ['GET /a', 'more'],
  ['GET /a HTT', 'more'],
  ['GET /a HTTP/1.1\r\n', 'http1'],
  ['M-SEARCH * HTTP/1.1\r\n', 'http1'],
  ['GET  /a HTTP/1.1\r\n', 'other'],
  ['GET /a HTTP/2.0\r\n', 'other'],
  ['GET /a\r\n', 'other'],
  ['GET /a b HTTP/1.1', 'other'],
  ['PING\r\n', 'other'],
  ['EHLO mail\r\n', 'other'],
  ['*1\r\n$4\r\nPING\r\n', 'other'],
  [`${'A'.repeat(33)}`, 'other'],
  ['PRI * HTTP/2.0', 'more'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['PRI * HTTP/2.1', 'other'],
  ['\x16', 'more'],
  ['\x16\x03\x01', 'tls'],
  ['\x16\x02', 'other'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'other'],
  ['\x00\x00\x00\x05', 'other'],
  [`GET /${'a'.repeat(20_000)}`, 'other'],
];

for (const [bytes, is] of rows) {
  test(`${JSON.stringify(bytes.slice(0, 40))} is ${is}`, (t) => {
    t.is(detect(Buffer.from(bytes, 'latin1')), is);
  });
}

test('on a declared port only the version is open', (t) => {
  t.is(httpVersionOf(Buffer.from('PRI * HTTP/2.0\r\n')), 'more');
  t.is(httpVersionOf(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')), 'http2');
  t.is(httpVersionOf(Buffer.from('PRX')), 'http1');
  t.is(httpVersionOf(Buffer.from([0])), 'http1');
});

test('addresses that carry an id', (t) => {
  t.is(gatewayId('127.128.0.1'), 1);
  t.is(gatewayId('127.255.255.255'), 2 ** 23 - 1);
  t.is(gatewayId('::ffff:127.129.2.3'), 65_536 + 512 + 3);
  t.is(gatewayId('fd77:6566:7400::1'), 1);
  t.is(gatewayId('fd77:6566:7400::1:2'), 65_538);
  t.is(gatewayId('fd77:6566:7400::ffff:ffff'), 2 ** 32 - 1);
});

test('addresses that carry none', (t) => {
  for (const address of ['127.0.0.1', '127.127.255.255', '127.128.0.0', '10.128.0.1', '::1', '', 'fd77:6566:7400::']) {
    t.is(gatewayId(address), undefined, address);
  }
  t.is(gatewayId('fd77:6566:7401::1'), undefined);
  t.is(gatewayId('fd77:6566:7400:1::1'), undefined);
});
