import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { type Clock, systemClock } from '../../../agent/clock.js';
import { openClient } from '../../../agent/kubernetes/client.js';
import type { MeshObject } from '../../../agent/model/mesh.js';
import { type Problem, showProblem } from '../../../agent/model/problem.js';
import { Holdings } from '../../../agent/sources/kubernetes/holdings.js';
import { pathOf, resourcesFor } from '../../../agent/sources/kubernetes/resource.js';
import { watchKubernetes } from '../../../agent/sources/kubernetes.js';
import { eventually } from '../../agent/site.js';
import { ApiServer, fixedCredentials } from '../../kubernetes/api-server.js';
import { readTranscript, transcriptTest } from '../../kubernetes/transcripts.js';
import { Effect, own } from './cluster.js';
import { type CutPlace, cutPlaces, type Recorded, ReplayedCollection, seeded } from './replay.js';

const node = 'worker-1';

const whole: readonly Recorded[] = [
  recorded('/api/v1/services', 'services'),
  recorded('/apis/discovery.k8s.io/v1/endpointslices', 'endpointslices'),
  recorded('/api/v1/pods', 'pods'),
  {
    target: `/api/v1/pods?fieldSelector=spec.nodeName=${node}`,
    list: '12-list-pods-fieldselector-node.txt',
    watch: '31-watch-pods-fieldselector-node.txt',
    version: '584',
  },
  recorded('/api/v1/nodes', 'nodes'),
  recorded('/apis/networking.istio.io/v1/virtualservices', 'virtualservices'),
  recorded('/apis/networking.istio.io/v1/destinationrules', 'destinationrules'),
  recorded('/apis/gateway.networking.k8s.io/v1/httproutes', 'httproutes'),
];

const older: readonly Recorded[] = [
  {
    target: '/apis/discovery.k8s.io/v1/endpointslices',
    list: undefined,
    watch: 'v1.32/30-watch-endpointslices.txt',
    version: '568',
  },
];

const streamed: readonly Recorded[] = ['services', 'endpointslices', 'virtualservices', 'destinationrules'].map(
  (plural) => ({
    target: whole.find(({ target }) => target.endsWith(`/${plural}`))!.target,
    list: undefined,
    watch: `40-sendinitialevents-${plural}.txt`,
    version: '0',
    isStreamed: true,
  }),
);

function recorded(target: string, plural: string): Recorded {
  return { target, list: `10-list-${plural}.txt`, watch: `30-watch-${plural}.txt`, version: '584' };
}

/** Waits pass 2 000 times as fast; a client's patience does not. */
const hurried: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, task) => systemClock.after(ms < 60_000 ? ms / 2_000 : ms, task),
  every: (ms, task) => systemClock.every(ms, task),
};

/** A source that follows a replayed server over TLS. */
class Replay {
  readonly effect: Effect = new Effect();
  problems: readonly Problem[] = [];
  readonly collections: ReadonlyMap<string, ReplayedCollection>;

  constructor(all: readonly Recorded[]) {
    this.collections = new Map(all.map((each) => [each.target, new ReplayedCollection(each)]));
  }

  /** `cuts` of each collection. */
  async start(t: ExecutionContext, minor: string, cuts: number, random: () => number): Promise<void> {
    const stops: (() => void)[] = [];
    t.teardown(() => {
      for (const stop of stops) stop();
    });
    for (const collection of this.collections.values()) collection.cutsLeft = cuts;
    const server = await ApiServer.start({ teardown: (stop) => stops.push(stop) }, (request, response) => {
      const url = new URL(request.url ?? '', 'https://replay');
      if (url.pathname === '/version') {
        response.end(JSON.stringify({ major: '1', minor }));
        return;
      }
      const selector = url.searchParams.get('fieldSelector');
      const target = `${url.pathname}${selector === null ? '' : `?fieldSelector=${selector}`}`;
      const collection = this.collections.get(target);
      if (collection !== undefined) collection.answer(url, request, response, random);
      else if (url.pathname.startsWith('/apis/') && !url.pathname.includes('discovery')) {
        response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
      } else this.#empty(url, response);
    });
    const client = openClient(fixedCredentials(server.url), systemClock);
    const source = watchKubernetes({
      client,
      node,
      own,
      clock: hurried,
      random,
      log: pino({ level: 'silent' }),
      onChanges: (changes) => this.effect.take(changes),
      onProblems: (problems) => {
        this.problems = problems;
      },
    });
    stops.unshift(() => {
      source.stop();
      client.close();
    });
    this.stop = () => {
      for (const stop of stops.splice(0)) stop();
    };
    await source.synced;
  }

  stop: () => void = () => undefined;

  #empty(url: URL, response: import('node:http').ServerResponse): void {
    const metadata = { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } };
    if (!url.searchParams.has('watch')) response.end(JSON.stringify({ metadata, items: [] }));
    else if (url.searchParams.has('sendInitialEvents')) {
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
    } else response.flushHeaders();
  }

  text(): string {
    return this.effect
      .keys()
      .map((identity) => `${identity} ${show(this.effect.objects.get(identity)!)}\n`)
      .join('');
  }
}

/** Without where it was read. */
function show(object: MeshObject): string {
  const shown = (key: string, value: unknown): unknown => {
    if (key === 'origin' || key === 'kind') return undefined;
    if (value instanceof Map) return [...value];
    return value instanceof RegExp ? String(value) : value;
  };
  return JSON.stringify(object, shown);
}

const expectedPath = join(process.cwd(), 'test/sources/kubernetes/expected-model.txt');

transcriptTest('every kind in the transcripts becomes the model it should, by pages and by streams', async (t) => {
  const shown: string[] = [];
  for (const [title, all, minor] of [
    ['lists and watches of 1.36', whole, '31'],
    ['a watch of 1.32', older, '31'],
    ['streaming lists of 1.36', streamed, '36'],
  ] as const) {
    const replay = new Replay(all);
    await replay.start(t, minor, 0, seeded(1));
    await settled(replay, all);
    const problems = replay.problems.map((problem) =>
      showProblem({ ...problem, file: new URL(problem.file).pathname }),
    );
    shown.push(`== ${title}\n${replay.text()}${problems.map((each) => `${each}\n`).join('')}`);
    t.deepEqual(unique(replay.effect.removed), deletedIn(all));
    replay.stop();
  }
  for (const { target, watch } of [...whole, ...older])
    shown.push(`== events of ${watch}\n${showEvents(target, watch)}`);
  const text = shown.join('');
  if (process.env.UPDATE_CASES === '1') writeFileSync(expectedPath, text);
  t.is(text, readFileSync(expectedPath, 'utf8'));
});

/** Each event of a watch with what it changes. */
function showEvents(target: string, watch: string): string {
  const plural = new URL(target, 'https://replay').pathname.split('/').at(-1);
  const isWhole = target.includes('fieldSelector') || (plural !== 'pods' && plural !== 'nodes');
  const resource = resourcesFor(node).find(
    (each) => target.startsWith(pathOf(each, each.versions[0]!)) && each.shape === (isWhole ? 'whole' : 'metadata'),
  )!;
  const holdings = new Holdings(resource, 'https://replay');
  const lines = eventsOf(watch).map(({ object, type }) => {
    if (type === 'BOOKMARK') return 'BOOKMARK';
    const raw = isWhole ? object : { metadata: object.metadata };
    const changes = type === 'DELETED' ? holdings.drop(raw) : holdings.put(raw, resource.versions[0]!);
    const told = changes.map((change) => (change.type === 'put' ? show(change.object) : `remove ${change.key}`));
    return `${type} ${object.metadata.name} → ${told.join() || 'nothing'}`;
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** `KIND NS/NAME` of what recorded watches told was deleted. */
function deletedIn(all: readonly Recorded[]): readonly string[] {
  const deleted = all
    .flatMap(({ watch }) => eventsOf(watch))
    .filter(({ type }) => type === 'DELETED')
    .map(({ object: { kind, metadata } }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  return unique(deleted);
}

interface RecordedEvent {
  readonly type: string;
  readonly object: { readonly kind: string; readonly metadata: { readonly namespace?: string; readonly name: string } };
}

function eventsOf(transcript: string): readonly RecordedEvent[] {
  const lines = readTranscript(transcript).body.toString('utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

function unique(identities: readonly string[]): readonly string[] {
  return [...new Set(identities)].sort();
}

/** Until all that was recorded to go has gone. */
async function settled(replay: Replay, all: readonly Recorded[]): Promise<void> {
  const deleted = deletedIn(all);
  await eventually(
    () => unique(replay.effect.removed),
    (removed) => removed.length >= deleted.length && deleted.every((each) => !replay.effect.objects.has(each)),
    60_000,
  );
}

transcriptTest('watches that are cut 1 000 times at every kind of byte end in the same model', async (t) => {
  t.timeout(300_000);
  const cuts = new Map<CutPlace, number>();
  let seed = 1;
  for (const [all, minor, each, runs] of [
    [whole, '31', 8, 13],
    [older, '31', 12, 6],
    [streamed, '36', 4, 7],
  ] as const) {
    const uncut = new Replay(all);
    await uncut.start(t, minor, 0, seeded(0));
    await settled(uncut, all);
    const expected = uncut.text();
    uncut.stop();
    for (let run = 0; run < runs; run++) {
      const replay = new Replay(all);
      await replay.start(t, minor, each, seeded(++seed));
      await eventually(
        () => [...replay.collections.values()].reduce((sum, { cutsLeft }) => sum + cutsLeft, 0),
        (left) => left === 0,
        60_000,
      );
      await settled(replay, all);
      await eventually(
        () => replay.text(),
        (text) => text === expected,
        60_000,
      );
      t.deepEqual(unique(replay.effect.removed), deletedIn(all), `seed ${seed}`);
      for (const collection of replay.collections.values()) {
        for (const [place, count] of collection.cuts) cuts.set(place, (cuts.get(place) ?? 0) + count);
      }
      replay.stop();
    }
  }
  const total = [...cuts.values()].reduce((sum, count) => sum + count, 0);
  t.log(`${total} cuts: ${[...cuts].map(([place, count]) => `${count} ${place}`).join(', ')}`);
  t.true(total >= 1_000);
  t.deepEqual([...cuts.keys()].sort(), [...cutPlaces].sort());
});
