import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkout } from '../../deploy/render/chart.js';

interface Stage {
  readonly name: string;
  readonly from: string;
  readonly steps: string[];
}

const text = readFileSync(join(checkout, 'deploy/Dockerfile'), 'utf8');

/** Instructions with their continuations, without comments. */
const instructions = text
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .map((line) => line.replace(/\s+/g, ' ').trim())
  .filter(Boolean);

const stages: Stage[] = [];
for (const line of instructions) {
  const [, from, name = 'final'] = /^FROM (\S+)(?: AS (\S+))?$/.exec(line) ?? [];
  if (from === undefined) stages.at(-1)?.steps.push(line);
  else stages.push({ from, name, steps: [] });
}

const final = stages.at(-1)!;

/** Packages that a stage installs, itself. */
const installed = ({ steps }: Stage): readonly string[] =>
  steps.flatMap((step) => {
    const [, list] = /--no-install-recommends ([^&]+)/.exec(step) ?? [];
    return list?.trim().split(' ') ?? [];
  });

interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
}

const copies: readonly Copy[] = stages.flatMap(({ steps }) =>
  steps
    .filter((step) => step.startsWith('COPY '))
    .map((step) => {
      const words = step.split(' ').slice(1);
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
      return { from, sources: words.filter((word) => !word.startsWith('--')).slice(0, -1) };
    }),
);

test('what is copied from the checkout is in git, and .dockerignore lets it through', (t) => {
  const sources = copies.filter(({ from }) => from === undefined).flatMap((copy) => copy.sources);
  const ignore = readFileSync(join(checkout, '.dockerignore'), 'utf8').split('\n');
  t.true(sources.length > 10);
  for (const source of sources) {
    const { stdout } = spawnSync('git', ['ls-files', '--', source], { cwd: checkout, encoding: 'utf8' });
    t.not(stdout, '', `${source} is not in git`);
    t.true(
      ignore.some((line) => line === `!${source}` || source.startsWith(`${line.slice(1)}/`)),
      `${source} is left out by .dockerignore`,
    );
  }
});

test('every stage is used by a later one, and names come before their use', (t) => {
  stages.forEach(({ name }, at) => {
    if (name === 'final') return;
    const later = stages.slice(at + 1);
    const isUsed = later.some(
      ({ from, steps }) => from === name || steps.some((step) => step.includes(`--from=${name} `)),
    );
    t.true(isUsed, name);
  });
  const named = copies.flatMap(({ from }) => from ?? []);
  for (const name of named)
    t.true(
      stages.some((stage) => stage.name === name),
      name,
    );
});

test('the run-time image has no compiler, no npm and no lists of packages', (t) => {
  t.deepEqual(installed(final), ['libbpf1', 'libelf1', 'libstdc++6', 'mount', 'util-linux', 'zlib1g']);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an argument of the Dockerfile
  t.is(final.from, '${RUNTIME_IMAGE}');
  t.regex(text, /^ARG RUNTIME_IMAGE=debian:bookworm-slim$/m);
  for (const { name, steps } of stages) {
    for (const step of steps.filter((each) => each.includes('apt-get install')))
      t.regex(step, /rm -rf \/var\/lib\/apt\/lists\/\*/, name);
  }
  t.false(final.steps.some((step) => /\bnpm\b/.test(step)));
  t.deepEqual(
    final.steps.filter((step) => step.startsWith('ENTRYPOINT')),
    ['ENTRYPOINT ["weft"]'],
  );
});

test('the build installs what deploy/debian-packages.json says that a build needs', (t) => {
  const { build } = JSON.parse(readFileSync(join(checkout, 'deploy/debian-packages.json'), 'utf8')) as {
    build: readonly string[];
  };
  const toolchain = stages.find(({ name }) => name === 'toolchain')!;
  t.deepEqual([...installed(toolchain)].sort(), [...build].sort());
});

test('every package is one of Debian’s', (t) => {
  const wanted = stages.flatMap(installed);
  const { error, stdout } = spawnSync('apt-cache', ['show', '--no-all-versions', ...wanted], { encoding: 'utf8' });
  if (error) {
    t.log('no apt-cache here: not looked up');
    t.pass();
    return;
  }
  const known = new Set([...stdout.matchAll(/^Package: (.+)$/gm)].map((match) => match[1]));
  t.deepEqual(
    wanted.filter((name) => !known.has(name)),
    [],
  );
});
