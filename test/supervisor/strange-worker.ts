import { Socket } from 'node:net';
import { MessageStream } from '../../agent/gateway/message-stream.js';

/** A worker that does as its first argument says: what the agent has to bear. */
const [, , manner] = process.argv;
const agent = new Socket({ fd: 3, readable: true, writable: true, manualStart: true } as ConstructorParameters<
  typeof Socket
>[0]);
setInterval(() => undefined, 1_000);

switch (manner) {
  case 'no-json':
    agent.write('no json\n');
    break;
  case 'of-node':
    agent.write('{"cmd":"NODE_HANDLE_ACK"}\n');
    break;
  case 'endless':
    setInterval(() => agent.write(Buffer.alloc(1 << 20, 'x')), 1);
    break;
  case 'deaf':
    agent.write('{"type":"ready"}\n');
    break;
  case 'liar': {
    const lie = { type: 'opened', pod: 'default/pod-0' };
    agent.write('{"type":"ready"}\n');
    setInterval(
      () => agent.write(`${JSON.stringify(lie)}\n{"type":"telemetry","report":null}\n{"type":"records"}\n`),
      5,
    );
    break;
  }
  case 'brief':
    agent.write('{"type":"ready"}\n', () => process.exit(0));
    break;
  case 'slow': {
    const stream = new MessageStream(agent, {
      onMessage: (message) => {
        const { type, pod } = message as { readonly type: string; readonly pod: string };
        if (type === 'open-mesh') setTimeout(() => stream.send({ type: 'opened', pod }), 200);
      },
    });
    stream.send({ type: 'ready' });
    break;
  }
}
