import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../../agent/kernel/native.js';
import { runIn, spawnIn } from '../kernel/program.js';
import { makeCgroup, makeDirectory, makeNamespace, removeCgroup, removeNamespace } from '../kernel/scratch.js';
import { kernelTest } from '../kernel-test.js';

const child = fileURLToPath(new URL('./place-child.js', import.meta.url));

kernelTest("a Pod is found from inside a container that has the node's /proc mounted", async (t) => {
  const root = makeCgroup();
  t.teardown(() => removeCgroup(root));
  const netns = makeNamespace();
  t.teardown(() => removeNamespace(netns));
  const [pod, agent] = [randomUUID(), randomUUID()];
  const cgroupOf = (uid: string): string => join(root, 'kubepods/burstable', `pod${uid}`, 'container');
  for (const uid of [pod, agent]) mkdirSync(cgroupOf(uid), { recursive: true });
  const sandbox = spawnIn({ netns, cgroup: cgroupOf(pod) }, ['sh', '-c', 'echo here; exec sleep 1000']);
  t.teardown(() => void sandbox.kill('SIGKILL'));
  await once(sandbox.stdout!, 'data');

  // Its own namespaces of mounts, cgroups and processes, and a /proc that shows those processes alone.
  const proc = makeDirectory();
  const inner = `exec unshare --pid --fork --mount-proc "$@"`;
  const container = ['unshare', '--mount', '--cgroup', 'sh', '-c', `mount --rbind /proc ${proc} && ${inner}`, 'sh'];
  const printed = await runIn({ cgroup: cgroupOf(agent) }, [...container, process.execPath, child, proc, pod]);
  t.is(printed, `1 ${native().netnsCookie(netns)}\n`);
  const blind = await runIn({ cgroup: cgroupOf(agent) }, [...container, process.execPath, child, '/proc', pod]);
  t.is(blind, '1 none of its processes is there yet\n');
});
