import test from 'ava';
import { readAnswer } from '../../agent/demo/request.js';

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Served-By: user-1\r\n\r\n';
const served = { status: 200, answered: true };
const missing = { status: 404, answered: false };

test('the server names itself in a whole answer', (t) => {
  t.deepEqual(readAnswer(`${head}abc`, served), { backend: 'user-1', status: 200, failure: '' });
  t.is(readAnswer(`${head.replace('/1.1', '/1.0')}abc`, served).failure, '');
});

test('anything less than a whole answer is a failure', (t) => {
  t.deepEqual(readAnswer('', served), { backend: '', status: 0, failure: 'no answer' });
  t.is(readAnswer('HTTP/1.1 200 OK\r\nCont', served).failure, 'cut short');
  t.is(readAnswer(`${head}ab`, served).failure, 'cut short');
  t.is(readAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', served).failure, 'unnamed server');
  t.is(readAnswer('SSH-2.0-OpenSSH\r\n\r\n', served).failure, 'status unknown');
});

test('an error of a backend is told with the backend', (t) => {
  const error = 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nX-Served-By: catalog-2\r\n\r\n';
  t.deepEqual(readAnswer(error, served), { backend: 'catalog-2', status: 500, failure: 'status 500' });
});

test('a 404 of the gateway is as it should be, and one of a backend is not', (t) => {
  const answer = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n';
  t.deepEqual(readAnswer(`${answer}\r\n`, missing), { backend: '', status: 404, failure: '' });
  t.is(readAnswer(`${answer}X-Served-By: user-1\r\n\r\n`, missing).failure, 'answered by user-1');
  t.is(readAnswer(`${head}abc`, missing).failure, 'status 200');
});
