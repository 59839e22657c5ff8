import test from 'ava';
import { readAnswer } from '../../agent/demo/request.js';

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Served-By: user-1\r\n\r\n';

test('the server names itself in a whole answer', (t) => {
  t.deepEqual(readAnswer(`${head}abc`), { backend: 'user-1' });
});

test('anything less than a whole answer is a failure', (t) => {
  t.deepEqual(readAnswer(''), { failure: 'no answer' });
  t.deepEqual(readAnswer('HTTP/1.1 200 OK\r\nCont'), { failure: 'cut short' });
  t.deepEqual(readAnswer(`${head}ab`), { failure: 'cut short' });
  t.deepEqual(readAnswer('HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n'), { failure: 'status 503' });
  t.deepEqual(readAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), { failure: 'unnamed server' });
  t.deepEqual(readAnswer('SSH-2.0-OpenSSH\r\n\r\n'), { failure: 'status unknown' });
});
