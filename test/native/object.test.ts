import { type NativeObject, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { failure, words } from './words.js';

function open(name: string): NativeObject {
  return native().openObject(compile(name), name);
}

kernelTest('an object lists its maps and programs before it is loaded', (t) => {
  const object = open('maps');
  const hash = object.maps().find((map) => map.name === 'hash');
  t.deepEqual(hash, { name: 'hash', type: 1, keySize: 4, valueSize: 8, maxEntries: 64, flags: 0 });
  t.deepEqual(object.programs(), [
    { name: 'settings', section: 'socket', type: 1, expectedAttachType: 0 },
    { name: 'allow', section: 'cgroup/connect4', type: 18, expectedAttachType: 10 },
  ]);
});

kernelTest('its bytes may be reused once it is open', (t) => {
  const elf = compile('maps');
  const object = native().openObject(elf, 'maps');
  elf.fill(0);
  object.load();
  t.is(object.map('hash').entries().count, 0);
});

kernelTest('globals are set by name before the load', (t) => {
  const object = open('maps');
  object.setVariable('answer', words(42));
  object.setVariable('counter', words(7, 1));
  t.regex(failure(() => object.setVariable('answer', new Uint8Array(8))).message, /has 8 bytes, must have 4/);
  t.like(
    failure(() => object.setVariable('question', words(1))),
    { operation: 'set_variable', object: 'question', code: 'ENOENT' },
  );
  object.load();
  t.is(failure(() => object.setVariable('answer', words(1))).code, 'EBUSY');
  const program = object.program('settings');
  t.is(program.run({ data: new Uint8Array(64) }).returned, 42);
  t.deepEqual(object.map('.data').lookup(words(0)), words(8, 1));
});

kernelTest('maps are resized and reused before the load', (t) => {
  const first = open('maps');
  first.setMaxEntries('hash', 128);
  first.load();
  first.map('hash').put(words(1), words(2, 3));
  t.is(first.map('hash').info().maxEntries, 128);

  const second = open('maps');
  second.reuse('hash', first.map('hash'));
  first.close();
  second.load();
  t.deepEqual(second.map('hash').lookup(words(1)), words(2, 3));
  t.is(failure(() => second.reuse('hash', second.map('hash'))).code, 'EBUSY');
});

kernelTest('a map that differs is not reused, and every difference is named', (t) => {
  const first = open('maps');
  first.load();
  const error = failure(() => open('maps').reuse('hash', first.map('percpu')));
  t.like(error, { operation: 'map_reuse', object: 'hash', code: 'EINVAL' });
  t.regex(error.message, /type 6 instead of 1, value size 4 instead of 8/);
  t.is(failure(() => open('maps').reuse('hash', {} as never)).code, 'EINVAL');
});

kernelTest('what it does not have is ENOENT', (t) => {
  const object = open('maps');
  for (const call of [
    () => object.setMaxEntries('none', 1),
    () => object.skip('none'),
    () => object.map('hash'),
    () => object.program('settings'),
  ])
    t.is(failure(call).code, 'ENOENT');
  object.load();
  t.like(
    failure(() => object.map('none')),
    { operation: 'map_get', object: 'none', code: 'ENOENT' },
  );
  t.is(failure(() => object.program('none')).code, 'ENOENT');
});

kernelTest('a refused program brings the verifier’s log', (t) => {
  const object = open('broken');
  object.skip('verbose');
  const error = failure(() => object.load());
  t.like(error, { operation: 'prog_load', object: 'careless', code: 'EACCES', errno: 13 });
  t.regex(error.log, /map_value_or_null/);
  t.is(failure(() => object.load()).code, 'EBUSY');
  t.is(failure(() => object.program('sound')).code, 'ENOENT');
});

kernelTest('of a long log the end is kept', (t) => {
  const object = open('broken');
  object.skip('careless');
  const error = failure(() => object.load());
  t.like(error, { object: 'verbose', code: 'EACCES' });
  t.is(error.log.length, 1 << 20);
  t.regex(error.log.slice(-400), /map_value_or_null/);
});

kernelTest('a skipped program is left out', (t) => {
  const object = open('broken');
  object.skip('careless');
  object.skip('verbose');
  object.load();
  t.is(object.program('sound').info().name, 'sound');
  t.is(failure(() => object.program('careless')).code, 'ENOENT');
});

kernelTest('a map the kernel refuses is named', (t) => {
  const object = open('maps');
  object.setMaxEntries('hash', 0);
  t.like(
    failure(() => object.load()),
    { operation: 'map_create', object: 'hash', code: 'EINVAL' },
  );
});

kernelTest('bytes that are no BPF object are refused quietly', (t) => {
  const elf = compile('maps');
  for (const bytes of [new Uint8Array(0), new Uint8Array(100), elf.subarray(0, 64), elf.subarray(0, elf.length / 2)]) {
    const error = failure(() => native().openObject(bytes, 'noise'));
    t.is(error.operation, 'object_open');
    t.is(error.object, 'noise');
  }
  t.is(failure(() => native().openObject('ELF' as never, 'noise')).code, 'EINVAL');
});

kernelTest('maps and programs live on without their object', (t) => {
  const object = open('maps');
  object.load();
  const hash = object.map('hash');
  const program = object.program('settings');
  object.close();
  object.close();
  t.is(failure(() => object.maps()).code, 'EBADF');
  t.is(failure(() => object.load()).code, 'EBADF');
  hash.put(words(1), words(1, 1));
  t.is(hash.entries().count, 1);
  const info = program.info();
  t.is(info.name, 'settings');
  t.regex(info.tag, /^[0-9a-f]{16}$/);
  t.true(info.mapIds.length >= 2);
  const again = native().openProgramById(info.id);
  t.is(again.info().tag, info.tag);
  again.close();
  t.is(failure(() => again.info()).code, 'EBADF');
});

kernelTest('run-time statistics count while they are on', (t) => {
  const object = open('maps');
  object.load();
  const program = object.program('settings');
  const statistics = native().enableStats();
  program.run({ data: new Uint8Array(64), repeat: 10 });
  statistics.close();
  statistics.close();
  const { runCount, runTimeNs } = program.info();
  t.is(runCount, 10n);
  t.true(runTimeNs > 0n);
});
