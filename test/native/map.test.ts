import { type NativeMap, native } from '../../agent/kernel/native.js';
import { kernelTest } from '../kernel-test.js';
import { compile } from './clang.js';
import { makeBpffs } from './scratch.js';
import { failure, words } from './words.js';

function loadMaps(): (name: string) => NativeMap {
  const object = native().openObject(compile('maps'), 'maps');
  object.load();
  return (name) => object.map(name);
}

kernelTest('a hash map stores, finds and forgets', (t) => {
  const hash = loadMaps()('hash');
  t.is(hash.lookup(words(1)), null);
  hash.put(words(1), words(10, 20));
  t.deepEqual(hash.lookup(words(1)), words(10, 20));
  t.is(failure(() => hash.put(words(1), words(0, 0), 1)).code, 'EEXIST');
  t.is(failure(() => hash.put(words(2), words(0, 0), 2)).code, 'ENOENT');
  t.true(hash.remove(words(1)));
  t.false(hash.remove(words(1)));
});

kernelTest('info and btf describe the map', (t) => {
  const hash = loadMaps()('hash');
  const info = hash.info();
  t.like(info, { name: 'hash', type: 1, keySize: 4, valueSize: 8, maxEntries: 64, flags: 0 });
  t.true(info.btfValueTypeId > 0);
  t.deepEqual([...hash.btf()!.subarray(0, 2)], [0x9f, 0xeb]);
  t.is(native().openMapById(info.id).info().name, 'hash');
  t.is(loadMaps()('sockmap').btf(), null);
});

kernelTest('wrong lengths never reach the kernel', (t) => {
  const map = loadMaps();
  const hash = map('hash');
  for (const key of [new Uint8Array(0), new Uint8Array(3), new Uint8Array(5)]) {
    for (const call of [() => hash.lookup(key), () => hash.put(key, words(1, 2)), () => hash.remove(key)]) {
      const error = failure(call);
      t.is(error.code, 'EINVAL');
      t.regex(error.message, /the key has \d bytes, must have 4/);
    }
  }
  t.regex(failure(() => hash.put(words(1), new Uint8Array(7))).message, /the value has 7 bytes, must have 8/);
  t.regex(failure(() => hash.putBatch(words(1, 2), words(1, 2), 2)).message, /values has 8 bytes, must have 16/);
  t.regex(failure(() => hash.putBatch(words(1), words(1, 2, 3, 4), 2)).message, /keys has 4 bytes, must have 8/);
  t.regex(failure(() => hash.removeBatch(words(1), 2)).message, /keys has 4 bytes, must have 8/);
  t.regex(failure(() => hash.lookup([1, 2, 3, 4] as unknown as Uint8Array)).message, /must be a Uint8Array/);
  t.regex(failure(() => hash.lookup(new Uint16Array(2) as unknown as Uint8Array)).message, /must be a Uint8Array/);
  t.regex(failure(() => hash.putBatch(words(), words(), -1)).message, /count must be an integer/);
  t.is(hash.entries().count, 0);
});

kernelTest('an error says what was tried, on what, and why', (t) => {
  const error = failure(() => loadMaps()('array').put(words(16), words(0, 0)));
  t.true(error instanceof Error);
  t.like(error, { operation: 'map_update', object: 'array', code: 'E2BIG', errno: 7, log: '' });
});

kernelTest('a closed map refuses every call and closes twice', (t) => {
  const hash = loadMaps()('hash');
  hash.close();
  hash.close();
  const calls = [
    () => hash.info(),
    () => hash.lookup(words(1)),
    () => hash.put(words(1), words(1, 2)),
    () => hash.remove(words(1)),
    () => hash.putBatch(words(1), words(1, 2), 1),
    () => hash.removeBatch(words(1), 1),
    () => hash.entries(),
    () => hash.pin('/nowhere'),
    () => hash.btf(),
    () => native().openRing(hash),
  ];
  for (const call of calls) t.is(failure(call).code, 'EBADF');
});

kernelTest('objects made or borrowed behind the addon’s back are refused', (t) => {
  const hash = loadMaps()('hash');
  const Constructor = hash.constructor as new () => NativeMap;
  t.is(failure(() => new Constructor().lookup(words(1))).code, 'EBADF');
  t.throws(() => hash.lookup.call({} as NativeMap, words(1)));
  t.throws(() => hash.lookup.call(Object.create(Constructor.prototype) as NativeMap, words(1)));
  const other: object = native().openObject(compile('maps'), 'other');
  Object.setPrototypeOf(other, Constructor.prototype as object);
  t.is(failure(() => native().openRing(other as NativeMap)).code, 'EINVAL');
});

kernelTest('batches write, remove and count', (t) => {
  const map = loadMaps();
  for (const name of ['hash', 'lru']) {
    const store = map(name);
    const size = store.info().valueSize / 4;
    const keys = Array.from({ length: 20 }, (_, i) => i);
    t.is(store.putBatch(words(...keys), words(...keys.flatMap((key) => Array<number>(size).fill(key * 2))), 20), 20);
    t.is(store.entries().count, 20);
    t.deepEqual(store.lookup(words(7)), words(...Array<number>(size).fill(14)));
    t.is(store.removeBatch(words(3, 100, 4, 101, 102, 5), 6), 3, name);
    t.is(store.removeBatch(words(100, 101), 2), 0);
    t.is(store.entries().count, 17);
    t.is(store.putBatch(words(), words(), 0), 0);
    t.is(store.removeBatch(words(), 0), 0);
  }
});

kernelTest('a batch that fails part-way says how much it wrote', (t) => {
  const map = loadMaps();
  const keys = Array.from({ length: 70 }, (_, i) => i);
  const full = failure(() => map('hash').putBatch(words(...keys), new Uint8Array(70 * 8), 70));
  t.like(full, { operation: 'map_update', object: 'hash', code: 'E2BIG', done: 64 });
  const past = failure(() => map('array').putBatch(words(1, 2, 99), new Uint8Array(24), 3));
  t.like(past, { object: 'array', code: 'E2BIG', done: 2 });
  t.like(
    failure(() => map('array').removeBatch(words(1), 1)),
    { operation: 'map_delete', code: 'EINVAL', done: 0 },
  );
});

kernelTest('a map without batches is written one by one', (t) => {
  const sockmap = loadMaps()('sockmap');
  const fd = native().socketIn('/proc/self/ns/net', {
    family: 4,
    protocol: 'UDP',
    bind: { address: '127.0.0.1', port: 0 },
  });
  t.is(sockmap.putBatch(words(0), words(fd, 0), 1), 1);
  const error = failure(() => sockmap.putBatch(words(1, 2), words(fd, 0, 0xffff, 0), 2));
  native().closeFd(fd);
  t.like(error, { operation: 'map_update', object: 'sockmap', code: 'EBADF', done: 1 });
});

kernelTest('entries gives every entry of a hash once', (t) => {
  const object = native().openObject(compile('maps'), 'maps');
  object.setMaxEntries('hash', 50_000);
  object.load();
  const hash = object.map('hash');
  const keys = Uint32Array.from({ length: 50_000 }, (_, i) => i * 7);
  const values = Uint32Array.from({ length: 100_000 }, (_, i) => (i >> 1) + (i & 1));
  t.is(hash.putBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), 50_000), 50_000);
  const entries = hash.entries();
  t.is(entries.count, 50_000);
  t.is(entries.keys.length, 200_000);
  t.is(entries.values.length, 400_000);
  const found = new Uint32Array(entries.keys.buffer);
  const pairs = new Uint32Array(entries.values.buffer);
  t.is(new Set(found).size, 50_000);
  t.true(found.every((key, i) => pairs[2 * i] === key / 7 && pairs[2 * i + 1] === key / 7 + 1));
  t.is(hash.entries(10).count, 10);
  t.is(hash.entries(10).keys.length, 40);
  t.is(hash.entries(0).count, 0);
});

kernelTest('reading goes on when a bucket holds more than there was room for', (t) => {
  const object = native().openObject(compile('maps'), 'maps');
  object.load();
  const hash = object.map('hash');
  hash.putBatch(words(...Array.from({ length: 64 }, (_, i) => i)), new Uint8Array(64 * 8), 64);
  // 64 keys over 64 buckets collide, so that small limits meet buckets larger than themselves.
  for (let limit = 1; limit <= 64; limit++) t.is(hash.entries(limit).count, limit);
});

kernelTest('entries of an array are its indexes; of a trie, by walking where there are no batches', (t) => {
  const map = loadMaps();
  const array = map('array');
  array.put(words(3), words(7, 0));
  const all = array.entries();
  t.is(all.count, 16);
  t.deepEqual(all.keys, words(...Array.from({ length: 16 }, (_, i) => i)));
  t.is(all.values[3 * 8], 7);
  t.is(array.entries(4).count, 4);

  const trie = map('trie');
  for (let i = 0; i < 40; i++) trie.put(new Uint8Array([32, 0, 0, 0, 10, 0, 0, i]), words(i));
  t.is(trie.entries().count, 40);
  t.is(trie.entries(5).count, 5);
  t.is(map('lru').entries().count, 0);
  t.is(failure(() => map('storage').entries()).operation, 'map_entries');
});

kernelTest('a per-CPU map has one padded value a CPU', (t) => {
  const map = loadMaps()('percpu');
  const bytes = native().possibleCpus() * 8;
  const value = new Uint8Array(bytes);
  for (let cpu = 0; cpu < bytes / 8; cpu++) value[cpu * 8] = cpu + 1;
  map.put(words(2), value);
  t.deepEqual(map.lookup(words(2)), value);
  t.is(map.info().valueSize, 4);
  t.regex(failure(() => map.put(words(2), words(1))).message, /must have/);
  const entries = map.entries();
  t.is(entries.count, 4);
  t.deepEqual(entries.values.subarray(2 * bytes, 3 * bytes), value);
});

kernelTest('socket storage is keyed by a descriptor', (t) => {
  const storage = loadMaps()('storage');
  const fd = native().socketIn('/proc/self/ns/net', { family: 4, protocol: 'TCP' });
  t.is(storage.lookup(words(fd)), null);
  storage.put(words(fd), words(5, 6));
  t.deepEqual(storage.lookup(words(fd)), words(5, 6));
  t.true(storage.remove(words(fd)));
  t.false(storage.remove(words(fd)));
  native().closeFd(fd);
  t.is(failure(() => storage.lookup(words(fd))).code, 'EBADF');
});

kernelTest('a pinned map outlives its descriptors', (t) => {
  const directory = makeBpffs();
  const hash = loadMaps()('hash');
  hash.put(words(9), words(1, 2));
  hash.pin(`${directory}/hash`);
  hash.close();
  const again = native().openMap(`${directory}/hash`);
  t.deepEqual(again.lookup(words(9)), words(1, 2));
  t.is(failure(() => again.pin(`${directory}/hash`)).code, 'EEXIST');
  t.like(
    failure(() => native().openLink(`${directory}/hash`)),
    { operation: 'obj_get', code: 'EINVAL' },
  );
  t.like(
    failure(() => native().openMap(`${directory}/none`)),
    { operation: 'obj_get', object: `${directory}/none`, code: 'ENOENT' },
  );
  t.is(failure(() => native().openMap('/a\0b')).code, 'EINVAL');
  t.is(failure(() => native().openMapById(0xffff_fffe)).code, 'ENOENT');
});
