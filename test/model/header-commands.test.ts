import test from 'ava';
import { headerFormat } from '../../agent/gateway/proxy/header-format.js';
import { headerCommands, unknownCommands } from '../../agent/model/header-commands.js';

const rows: readonly (readonly [value: string, unknown: readonly string[]])[] = [
  ['plain', []],
  ['100%', []],
  ['%%HOSTNAME%%', []],
  ['%PROTOCOL% by %ROUTE_NAME%', []],
  ['%REQ(x-user?:path):20%', []],
  ['%RESP(etag)%', []],
  ['%HOSTNAME%', ['%HOSTNAME%']],
  ['a %CEL(request.path)% b %PROTOCOL%', ['%CEL(request.path)%']],
  ['%START_TIME(%s)%', ['%START_TIME(%s)%']],
  ['%REQ%', ['%REQ%']],
  ['%REQ()%', ['%REQ()%']],
  ['%PROTOCOL:3%', ['%PROTOCOL:3%']],
];

for (const [value, unknown] of rows) {
  test(`Header commands: ${value}`, (t) => {
    t.deepEqual(unknownCommands(value), unknown);
    if (unknown.length > 0 && unknown[0] === value) t.is(headerFormat(value), value, 'it stays as it is written');
  });
}

test('Header commands: those that are known are filled in', (t) => {
  for (const name of headerCommands) {
    t.deepEqual(unknownCommands(`%${name}%`), []);
    t.is(typeof headerFormat(`%${name}%`), 'object');
  }
});
