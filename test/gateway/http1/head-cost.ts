import { http1Limits } from '../../../agent/gateway/http1/limits.js';
import { parseRequestHead } from '../../../agent/gateway/http1/request-head.js';
import { parseResponseHead } from '../../../agent/gateway/http1/response-head.js';

/** What a browser's request has, without cookies. */
const request = `GET /api/v1/users/42?fields=name,mail HTTP/1.1\r
Host: user-service:8080\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r
Accept: application/json, text/plain, */*\r
Accept-Encoding: gzip, deflate, br\r
Accept-Language: en-GB,en;q=0.9\r
Connection: keep-alive\r
X-Request-Id: 7f6f1b1c-91a5-4d57-8d2b-0d0f7b0f7a11\r
Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r
\r
`;

const response = `HTTP/1.1 200 OK\r
Server: gunicorn\r
Date: Fri, 02 Jan 2026 03:04:05 GMT\r
Connection: keep-alive\r
Content-Type: application/json\r
Content-Length: 120\r
\r
`;

function nanoseconds(rounds: number, task: () => unknown): number {
  for (let round = 0; round < rounds / 5; round++) task();
  const began = process.hrtime.bigint();
  for (let round = 0; round < rounds; round++) task();
  return Number(process.hrtime.bigint() - began) / rounds;
}

const requestBytes = Buffer.from(request, 'latin1');
const responseBytes = Buffer.from(response, 'latin1');
const rounds = 500_000;
const requestNs = nanoseconds(rounds, () => parseRequestHead(requestBytes, 0, 'http', http1Limits));
const responseNs = nanoseconds(rounds, () => parseResponseHead(responseBytes, 0, 'GET', http1Limits));
console.log(`request head of ${requestBytes.length} bytes, 8 fields: ${requestNs.toFixed(0)} ns`);
console.log(`response head of ${responseBytes.length} bytes, 5 fields: ${responseNs.toFixed(0)} ns`);
