import { once } from 'node:events';
import { createServer, connect as dialTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { takeTurn } from '../../../agent/gateway/http1/turn.js';
import { Wire } from '../../../agent/gateway/http1/wire.js';
import { kernelTest } from '../../kernel-test.js';

async function makePair(t: ExecutionContext): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const near = dialTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  t.teardown(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

/** Collects what comes in. */
class Ear {
  text = '';
  #heard: (() => void) | undefined;

  readonly take = (bytes: Buffer): void => {
    this.text += bytes.toString('latin1');
    this.#heard?.();
  };

  async until(text: string): Promise<void> {
    while (this.text !== text) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
}

kernelTest('bytes come in and go out in order before and after a wire is quickened, up to the end', async (t) => {
  const { near, far } = await makePair(t);
  const [ear, farEar] = [new Ear(), new Ear()];
  far.on('data', farEar.take);
  const wire = new Wire(near);
  near.on('close', () => wire.closed());
  wire.read(ear.take);
  far.write('one ');
  await ear.until('one ');
  t.false(wire.write('the stream writes', undefined, ''));
  wire.quicken();
  far.write('two ');
  await ear.until('one two ');
  t.true(wire.write('a', Buffer.from('b'), 'c'));
  takeTurn(() => t.true(wire.write('d', undefined, '')), undefined, undefined);
  await farEar.until('abcd');
  far.end('three');
  await once(near, 'end');
  t.is(ear.text, 'one two three');
  t.false(wire.write('the stream again', undefined, ''));
  near.end();
  await once(far, 'end');
  t.is(farEar.text, 'abcd');
});

kernelTest('what a slow peer does not take waits in the stream, and nothing overtakes it', async (t) => {
  const { near, far } = await makePair(t);
  const wire = new Wire(near);
  near.on('close', () => wire.closed());
  wire.read(() => undefined);
  wire.quicken();
  far.pause();
  let expected = '';
  for (let round = 0; near.writableLength === 0; round++) {
    const text = String.fromCharCode(97 + (round % 26)).repeat(100_000);
    expected += text;
    t.true(wire.write(text, undefined, ''));
    wire.commit();
  }
  t.false(wire.write('END', undefined, ''));
  near.write('END');
  const ear = new Ear();
  far.on('data', ear.take);
  far.resume();
  await ear.until(`${expected}END`);
  t.true(wire.write('again', undefined, ''));
  await ear.until(`${expected}ENDagain`);
});

kernelTest('a paused wire is quiet, and tells of a reset all the same', async (t) => {
  const { near, far } = await makePair(t);
  const ear = new Ear();
  const wire = new Wire(near);
  near.on('close', () => wire.closed());
  near.on('error', () => undefined);
  wire.read(ear.take);
  wire.quicken();
  wire.setReading(false);
  far.write('waits');
  await new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)));
  t.is(ear.text, '');
  wire.setReading(true);
  await ear.until('waits');
  wire.setReading(false);
  far.resetAndDestroy();
  // The stream has it back, and finds out once it is wanted.
  await new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)));
  wire.setReading(true);
  await new Promise((resolve) => near.once('close', resolve));
  t.true(near.destroyed);
});

kernelTest('what is no TCP socket stays a stream', (t) => {
  const written: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  const wire = new Wire(stream);
  wire.read(() => undefined);
  wire.quicken();
  t.false(wire.write('text', undefined, ''));
  t.deepEqual(written, []);
});
