import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from './native.js';

/** `cookie-child.js CGROUP NETNS`: joins the cgroup, connects a UDP socket in the namespace and prints its cookie. Sends nothing. */
const [cgroup, netns] = process.argv.slice(2);
if (!cgroup || !netns) throw new Error('usage: cookie-child.js CGROUP NETNS');
writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
const fd = native().socketIn(netns, { family: 4, protocol: 'UDP', connect: { address: '127.0.0.1', port: 9 } });
process.stdout.write(`${native().socketCookie(fd)}\n`);
native().closeFd(fd);
