import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isAbsent } from '../../agent/kernel/place.js';
import { ProcessPlaces } from '../../agent/kernel/place-process.js';
import { PodProcesses } from '../../agent/kernel/pod-processes.js';
import type { Pod } from '../../agent/model/mesh.js';
import { HandClock } from '../view/world.js';
import { FakeProc } from './fake-proc.js';

const uid = '1f0c9ab2-6d1b-4c37-9b1e-0a5f3de2c4b7';
const pod = { uid } as unknown as Pod;
const group = `/kubepods/burstable/pod${uid}`;
/** The node's namespace, of process 1. */
const nodes = 4000;

interface Stage {
  readonly proc: FakeProc;
  readonly clock: HandClock;
  readonly places: ProcessPlaces;
  /** Looks again. Returns the number of the process that leads to the namespace, or why none does. */
  look(): number | string;
}

function fakeProc(t: ExecutionContext): FakeProc {
  const path = mkdtempSync(join(tmpdir(), 'weft-proc-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  const proc = new FakeProc(path);
  proc.put(1, { cgroup: '/', namespace: nodes });
  return proc;
}

function stage(t: ExecutionContext): Stage {
  const proc = fakeProc(t);
  const clock = new HandClock();
  const places = new ProcessPlaces(proc.path, clock);
  const look = (): number | string => {
    places.look([pod]);
    const found = places.find(pod);
    if (isAbsent(found)) return found.why;
    return Number(new RegExp(`^${proc.path}/(\\d+)/ns/net$`).exec(found.path)![1]);
  };
  return { proc, clock, places, look };
}

test('a Pod lives where the oldest of its least nested processes does', (t) => {
  const { proc, look } = stage(t);
  proc.put(30, { cgroup: `${group}/inner/docker/x`, namespace: 7, started: 5 });
  proc.put(20, { cgroup: `${group}/main`, namespace: 6, started: 20 });
  proc.put(40, { cgroup: `${group}/sandbox`, namespace: 6, started: 10 });
  proc.put(10, { cgroup: '/kubepods/burstable/pod2f0c9ab2-6d1b-4c37-9b1e-0a5f3de2c4b7/x', namespace: 5 });
  t.is(look(), 40);
});

test('it stays with its process, and goes to another when that ends', (t) => {
  const { proc, look } = stage(t);
  proc.put(20, { cgroup: `${group}/main`, namespace: 6, started: 20 });
  t.is(look(), 20);
  proc.put(15, { cgroup: `${group}/other`, namespace: 6, started: 10 });
  t.is(look(), 20);
  proc.end(20);
  t.is(look(), 15);
  proc.end(15);
  t.is(look(), 'none of its processes is there yet');
});

test('a process that has ended and was not waited for leads nowhere', (t) => {
  const { proc, look } = stage(t);
  proc.put(20, { cgroup: `${group}/main`, namespace: 6 });
  t.is(look(), 20);
  proc.put(20, { cgroup: `${group}/main` });
  t.is(look(), 'none of its processes is there yet');
});

test("another process under the same number is not the Pod's, and neither is another namespace the same", (t) => {
  const { proc, places, look } = stage(t);
  proc.put(20, { cgroup: `${group}/main`, namespace: 6, started: 20 });
  t.is(look(), 20);
  const first = places.find(pod);
  proc.put(20, { cgroup: '/system.slice/cron.service', namespace: 6, started: 90 });
  t.false(isAbsent(first) || first.isCurrent());
  t.is(look(), 'none of its processes is there yet');
  proc.put(20, { cgroup: `${group}/main`, namespace: 6, started: 95 });
  look();
  t.is(look(), 20, 'looked at again by the fourth scan');
  const second = places.find(pod);
  t.not(isAbsent(second) ? '' : second.mark, isAbsent(first) ? '' : first.mark);
  proc.put(20, { cgroup: `${group}/main`, namespace: 8, started: 95 });
  t.false(isAbsent(second) || second.isCurrent());
});

test("processes in the node's namespace and in the agent's are passed over", (t) => {
  const { proc, look } = stage(t);
  proc.put(20, { cgroup: `${group}/conmon`, namespace: nodes });
  t.is(look(), 'its processes are in the network namespace of the node or of the agent');
  proc.put(21, { cgroup: `${group}/main`, namespace: 6 });
  t.is(look(), 21);
});

test('a process that enters the namespace of its Pod later, or the cgroup, is found then', (t) => {
  const { proc, look } = stage(t);
  look();
  proc.put(20, { cgroup: '/system.slice/containerd.service', namespace: nodes });
  t.is(look(), 'none of its processes is there yet');
  proc.put(20, { cgroup: `${group}/sandbox`, namespace: nodes });
  t.is(look(), 'its processes are in the network namespace of the node or of the agent');
  proc.put(20, { cgroup: `${group}/sandbox`, namespace: 6 });
  t.is(look(), 20);
});

test('a Pod without processes is worth looking for often for a minute, again after each loss', (t) => {
  const { proc, clock, places, look } = stage(t);
  t.false(places.isSeeking);
  look();
  t.true(places.isSeeking);
  clock.advance(59_999);
  look();
  t.true(places.isSeeking);
  clock.advance(1);
  t.false(places.isSeeking);
  proc.put(20, { cgroup: `${group}/main`, namespace: 6 });
  t.is(look(), 20, 'it is found all the same');
  proc.end(20);
  look();
  t.true(places.isSeeking);
  places.look([]);
  t.false(places.isSeeking);
});

test('a directory that cannot be read is why', (t) => {
  const places = new ProcessPlaces('/nowhere', new HandClock());
  places.look([pod]);
  t.like(places.find(pod), { why: "ENOENT: no such file or directory, scandir '/nowhere'", isPassing: true });
});

test('Pods of directories are nobody to look for', (t) => {
  const places = new ProcessPlaces('/nowhere', new HandClock());
  places.look([{ uid: '' } as unknown as Pod]);
  t.false(places.isSeeking);
});

test('a number that is reused between two scans is noticed within 32 of them, and at once after a long time', (t) => {
  const proc = fakeProc(t);
  const processes = new PodProcesses(proc.path);
  for (let scan = 0; scan < 70; scan++) processes.scan();
  proc.put(1, { cgroup: `${group}/main`, namespace: 6 });
  let scans = 0;
  while (processes.of(uid).length === 0 && scans++ < 100) processes.scan();
  t.true(scans > 1 && scans <= 32, String(scans));

  const { proc: node, clock, look } = stage(t);
  look();
  node.put(1, { cgroup: `${group}/main`, namespace: 6 });
  look();
  t.is(look(), 'none of its processes is there yet');
  clock.advance(10_001);
  t.is(look(), 1);
});
