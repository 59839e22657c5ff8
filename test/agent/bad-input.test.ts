import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Problem } from '../../agent/model/problem.js';
import { kernelTest } from '../kernel-test.js';
import type { Caller } from './caller.js';
import { backends, pod, service } from './objects.js';
import { decidingRows } from './rows.js';
import { eventually, prompt, Site } from './site.js';

/** A Service of its own file, and its Pod. `more`: further documents. */
function appText({ address = '10.1.1.1', more = '', name = 'app', port = '80' } = {}): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec:
  clusterIP: 10.96.0.2
  selector: {app: app}
  ports:
  - {name: main, port: ${port}, targetPort: 8080}
---
apiVersion: v1
kind: Pod
metadata: {name: app-1, namespace: default, labels: {app: app}}
status: {podIP: ${address}}
${more}`;
}

interface BadInput {
  readonly title: string;
  readonly code: string;
  /** Where the problems must be. 0: the whole file. */
  readonly lines: readonly number[];
  /** The problem's file; the manifest directory when empty. */
  readonly file: string;
  readonly spoil: (site: Site) => void;
  /** Takes away what `repair` by a new app.yaml does not. */
  readonly clear?: (site: Site) => void;
}

function spoilApp(text: string | Uint8Array): (site: Site) => void {
  return (site) => site.writeText('app.yaml', text);
}

const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((key, index) => {
    const before = 'abcdefgh'[index]!;
    return `${key}: &${key} [${Array(9).fill(`*${before}`).join(', ')}]`;
  }),
].join('\n');

const app = { file: 'app.yaml' };
const inputs: readonly BadInput[] = [
  {
    ...app,
    title: 'malformed YAML',
    code: 'WEFT0101',
    lines: [4],
    spoil: spoilApp('kind: Service\nmetadata:\n  name: [a\n'),
  },
  { ...app, title: 'half of a file', code: 'WEFT0101', lines: [3], spoil: spoilApp(appText().slice(0, 49)) },
  {
    ...app,
    title: 'a file of 100 MB',
    code: 'WEFT0103',
    lines: [0],
    spoil: ({ manifests }) => truncateSync(join(manifests, 'app.yaml'), 100_000_000),
  },
  { ...app, title: 'an alias bomb', code: 'WEFT0104', lines: [1], spoil: spoilApp(bomb) },
  {
    ...app,
    title: 'an unknown kind',
    code: 'WEFT0301',
    lines: [16],
    spoil: spoilApp(appText({ more: '---\napiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: g}\n' })),
  },
  {
    title: 'a name that another file has',
    code: 'WEFT0501',
    file: 'other.yaml',
    lines: [3, 12],
    spoil: (site) => site.writeText('other.yaml', appText({ address: '10.1.1.99' })),
    clear: ({ manifests }) => rmSync(join(manifests, 'other.yaml')),
  },
  { ...app, title: 'a negative port', code: 'WEFT0207', lines: [8], spoil: spoilApp(appText({ port: '-80' })) },
  {
    title: 'a name of 10 kB',
    code: 'WEFT0204',
    file: 'long.yaml',
    lines: [3],
    spoil: (site) => site.writeText('long.yaml', appText({ name: 'n'.repeat(10_000) }).split('---')[0]!),
    clear: ({ manifests }) => rmSync(join(manifests, 'long.yaml')),
  },
  {
    ...app,
    title: 'a binary file',
    code: 'WEFT0109',
    lines: [0],
    spoil: spoilApp(Uint8Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256)),
  },
  {
    title: 'a FIFO',
    code: 'WEFT0110',
    file: 'fifo.yaml',
    lines: [0],
    spoil: ({ manifests }) => execFileSync('mkfifo', [join(manifests, 'fifo.yaml')]),
    clear: ({ manifests }) => rmSync(join(manifests, 'fifo.yaml')),
  },
  {
    title: 'lists nested 10 000 deep',
    code: 'WEFT0105',
    file: 'deep.yaml',
    lines: [1],
    spoil: (site) => site.writeText('deep.yaml', `${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    clear: ({ manifests }) => rmSync(join(manifests, 'deep.yaml')),
  },
  {
    title: 'a directory that disappears',
    code: 'WEFT0108',
    file: '',
    lines: [0],
    spoil: ({ manifests }) => renameSync(manifests, `${manifests}-away`),
    clear: ({ manifests }) => renameSync(`${manifests}-away`, manifests),
  },
];

interface Scene {
  readonly site: Site;
  readonly caller: Caller;
}

let scene: Promise<Scene> | undefined;
const closers: (() => Promise<void>)[] = [];
test.after.always(async () => {
  for (const close of closers) await close();
});

/** One agent for all inputs: none may harm the next. */
async function openScene(): Promise<Scene> {
  const site = Site.make({ teardown: (close) => closers.push(close) });
  const house = site.house();
  site.write('mesh', [
    service('web', { addresses: ['10.96.0.1'] }),
    ...backends('web', ['10.1.0.1']),
    pod('client', { addresses: ['10.1.255.1'], netns: house.name }),
  ]);
  site.writeText('app.yaml', appText());
  await site.agent.start();
  return { site, caller: await site.caller(house) };
}

for (const [index, { clear, code, file, lines, spoil, title }] of inputs.entries()) {
  kernelTest(`bad input at run time: ${title}`, async (t) => {
    scene ??= openScene();
    const { site, caller } = await scene;
    const problems = (): Promise<readonly Problem[]> => site.agent.items('problems');
    site.writeText('app.yaml', appText());
    await eventually(problems, (all) => all.length === 0);
    await eventually(
      () => caller.arrive('10.96.0.2'),
      (place) => place === '10.1.1.1:8080',
    );
    const before = await decidingRows(site.agent);
    const path = file === '' ? site.manifests : join(site.manifests, file);
    const isThere = (problem: Problem): boolean => problem.code === code && problem.file === path;
    try {
      spoil(site);
      await eventually(problems, (all) => all.some(isThere));
      t.deepEqual([...new Set((await problems()).filter(isThere).map((each) => each.line))], lines);
      t.deepEqual(await decidingRows(site.agent), before);
      t.is(await caller.arrive('10.96.0.1'), '10.1.0.1:8080');
      t.is(await caller.arrive('10.96.0.2'), '10.1.1.1:8080');
      t.true((await site.agent.readyz()).endsWith('ok\n'));
    } finally {
      clear?.(site);
    }
    const repaired = `10.1.1.${index + 2}`;
    site.writeText('app.yaml', appText({ address: repaired }));
    const took = await eventually(
      () => caller.arrive('10.96.0.2'),
      (place) => place === `${repaired}:8080`,
    );
    t.true(took < prompt, `effective ${took} ms after the repair`);
    await eventually(problems, (all) => all.length === 0);
    t.true(site.agent.isRunning);
  });
}
