import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../clock.js';
import { type Mood, well } from './mood.js';

/*
 * A server of catalog, a process of its own: `catalog-server.js POD PORT`. Each line of its standard input is a
 * {@link Mood}; it ends with its input.
 */

function serve(pod: string, port: number, clock: Clock): void {
  const body = Buffer.from(`${JSON.stringify({ service: 'catalog', pod })}\n`);
  let mood = well;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { delay, status } = mood;
    const answer = (): void => {
      const fields = { 'Content-Type': 'application/json', 'Content-Length': body.length, 'X-Served-By': pod };
      response.writeHead(status, fields).end(body);
    };
    request.resume();
    if (delay === 0) answer();
    else clock.after(delay, answer);
  });
  server.listen(port, '0.0.0.0', 1024);
  const moods = createInterface({ input: process.stdin });
  moods.on('line', (line) => {
    mood = JSON.parse(line) as Mood;
  });
  moods.on('close', () => process.exit(0));
}

serve(process.argv[2] ?? '', Number(process.argv[3]), systemClock);
