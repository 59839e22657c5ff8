import { Socket } from 'node:net';
import { addon } from '../../agent/addon.js';

/**
 * `upstream-child.js ID FAMILY ADDRESS PORT`, with a worker's channel to the broker as descriptor 3: connects a blank socket of namespace ID and prints, as
 * JSON, its local address, its peer and the first line it is sent.
 */
const [id, family, host, port] = process.argv.slice(2);
const [fd] = addon().blankSockets(3, Number(id), Number(family) as 4 | 6, 1);
const socket = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
socket.on('data', (data) => {
  process.stdout.write(JSON.stringify([socket.localAddress, socket.remoteAddress, data.toString().trim()]));
  socket.destroy();
});
socket.on('error', (error: NodeJS.ErrnoException) => process.stdout.write(JSON.stringify([error.code])));
socket.connect(Number(port), host!);
