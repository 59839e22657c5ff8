import test from 'ava';
import type { ApiRequest } from '../../agent/kubernetes/api.js';
import { ApiError } from '../../agent/kubernetes/api.js';
import { longestNote, mostNotes, notesOf, repeatMs } from '../../agent/status/events.js';
import { problem, Scene } from './mesh.js';

const rulePath = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart';
const eventsPath = '/apis/events.k8s.io/v1/namespaces/shop/events';

/** A scene whose API has VirtualService `shop/cart`, with a writer. */
function rejecting(): Scene {
  const scene = new Scene();
  scene.statuses = { gateways: [], routes: [], classes: [] };
  scene.api.put(rulePath, { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: {} });
  return scene;
}

interface Event {
  readonly metadata: { readonly name: string };
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

function eventsIn({ api }: Scene): readonly Event[] {
  return [...api.objects].filter(([path]) => path.includes('/events/')).map(([, event]) => event as unknown as Event);
}

test('a rejected rule is told of by an Event of its own namespace', async (t) => {
  const scene = rejecting();
  scene.problems = [problem({ fix: 'put it in a list' }), problem({ severity: 'warning', message: 'odd' })];
  scene.join('node-1');
  await scene.time.pass(5_000);
  const [call, ...others] = scene.api.writes();
  t.deepEqual(others, []);
  t.is(`${call!.method} ${call!.path}`, `POST ${eventsPath}`);
  const body = call!.body as Event;
  t.regex(body.metadata.name, /^cart\.[0-9a-f]{16}$/);
  t.deepEqual(call!.body, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: body.metadata.name, namespace: 'shop' },
    eventTime: '2026-01-02T03:04:05.000000Z',
    type: 'Warning',
    reason: 'Rejected',
    action: 'Validate',
    note: '[WEFT0205] spec.hosts: must be a list (put it in a list)',
    regarding: {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      namespace: 'shop',
      name: 'cart',
      uid: 'uid-cart',
    },
    reportingController: 'weft.dev/agent',
    reportingInstance: 'node-1',
  });
});

test('the same is told again after 10 min, as a series', async (t) => {
  const scene = rejecting();
  scene.problems = [problem(), problem()];
  const { reporter } = scene.join('a');
  for (let i = 0; i < 590; i++) {
    reporter.touch();
    await scene.time.pass(1_000);
  }
  t.is(scene.api.writes().length, 1);
  await scene.time.pass(repeatMs * 3);
  const writes = scene.api.writes();
  t.true(writes.length >= 3 && writes.length <= 4, `${writes.length} writes`);
  const { method, body } = writes.at(-1)!;
  t.is(method, 'PATCH');
  t.deepEqual(Object.keys(body as object), ['series']);
  const [event, ...others] = eventsIn(scene);
  t.deepEqual(others, []);
  t.is(event!.series!.count, writes.length);
  t.regex(event!.series!.lastObservedTime, /^2026-01-02T03:\d\d:\d\d\.\d{3}000Z$/);
});

test('what was fixed is told no more; what comes and goes not each time', async (t) => {
  const scene = rejecting();
  const { reporter } = scene.join('a');
  for (let i = 0; i < 60; i++) {
    scene.problems = i % 2 === 0 ? [problem()] : [];
    reporter.touch();
    await scene.time.pass(5_000);
  }
  t.is(scene.api.writes().length, 1);
  scene.problems = [];
  await scene.time.pass(repeatMs * 3);
  t.is(scene.api.writes().length, 1);
  scene.problems = [problem()];
  reporter.touch();
  await scene.time.pass(5_000);
  t.is(eventsIn(scene).length, 1);
  t.is(eventsIn(scene)[0]!.series!.count, 2);
});

test('an Event that has expired is made again', async (t) => {
  const scene = rejecting();
  scene.problems = [problem()];
  scene.join('a');
  await scene.time.pass(5_000);
  const [path] = [...scene.api.objects.keys()].filter((each) => each.includes('/events/'));
  scene.api.objects.delete(path!);
  await scene.time.pass(repeatMs * 2);
  t.deepEqual(
    scene.api.writes().map(({ method }) => method),
    ['POST', 'PATCH', 'POST', 'PATCH'].slice(0, scene.api.writes().length),
  );
  t.true(scene.api.writes().length >= 3);
  t.is(eventsIn(scene).length, 1);
});

test('the next writer goes on with the series', async (t) => {
  const scene = rejecting();
  scene.problems = [problem()];
  const first = scene.join('a');
  await scene.time.pass(5_000);
  const stopped = first.reporter.stop();
  await scene.time.pass(0);
  await stopped;
  scene.join('b');
  await scene.time.pass(10_000);
  t.is(eventsIn(scene).length, 1);
  t.like(eventsIn(scene)[0], { reportingInstance: 'a', series: { count: 2 } });
});

test('another text is another Event; another object of the name too', async (t) => {
  const scene = rejecting();
  scene.problems = [problem(), problem({ path: 'spec.http' })];
  const { reporter } = scene.join('a');
  await scene.time.pass(5_000);
  t.is(eventsIn(scene).length, 2);
  scene.problems = [];
  await scene.time.pass(repeatMs * 3);
  scene.api.put(rulePath, { apiVersion: 'networking.istio.io/v1', metadata: { uid: 'reborn' } });
  scene.problems = [problem()];
  reporter.touch();
  await scene.time.pass(5_000);
  t.is(eventsIn(scene).length, 3);
});

test('an object that the server does not have, or whose namespace goes, is left alone', async (t) => {
  const scene = rejecting();
  scene.problems = [problem({ resource: 'DestinationRule shop/none' }), problem()];
  const ending = 'unable to create new content in namespace shop because it is being terminated';
  scene.api.refuse = (call) =>
    call.startsWith('POST') && call.endsWith('/events') ? new ApiError(ending, 403, 'Forbidden') : undefined;
  const { reporter } = scene.join('a');
  for (let i = 0; i < 30; i++) {
    reporter.touch();
    await scene.time.pass(2_000);
  }
  t.is(scene.trouble, '');
  t.is(scene.api.writes().length, 1);
  const reads = scene.api.calls.filter(({ path }) => path.endsWith('/destinationrules/none'));
  t.is(reads.length, 1);
});

const missing: readonly (readonly [ApiRequest['method'], string, string])[] = [
  ['POST', 'events', '{apiGroups: ["events.k8s.io"], resources: [events], verbs: [create]}'],
  ['GET', 'cart', '{apiGroups: ["networking.istio.io"], resources: [virtualservices], verbs: [get]}'],
];
for (const [method, end, rule] of missing) {
  test(`without the rule to ${method} ${end}, it is told once and tried seldom`, async (t) => {
    const scene = rejecting();
    scene.problems = [problem(), problem({ path: 'spec.http' })];
    scene.api.refuse = (call) =>
      call.startsWith(`${method} `) && call.endsWith(`/${end}`)
        ? new ApiError('forbidden', 403, 'Forbidden')
        : undefined;
    const { reporter } = scene.join('a');
    for (let i = 0; i < 60; i++) {
      reporter.touch();
      await scene.time.pass(5_000);
    }
    t.is(scene.trouble, `events: forbidden; needs the rule ${rule}`);
    t.is(scene.api.calls.filter((call) => call.method === method && call.path.endsWith(`/${end}`)).length, 1);
    scene.api.refuse = () => undefined;
    await scene.time.pass(repeatMs * 2);
    t.is(scene.trouble, '');
    t.is(eventsIn(scene).length, 2);
  });
}

test('notes are of errors of VirtualServices and DestinationRules alone', (t) => {
  const notes = notesOf([
    problem({ resource: 'DestinationRule shop/cart', path: '' }),
    problem({ resource: 'Service shop/cart' }),
    problem({ resource: '' }),
    problem({ severity: 'warning' }),
  ]);
  t.deepEqual(notes, [{ kind: 'DestinationRule', namespace: 'shop', name: 'cart', text: '[WEFT0205] must be a list' }]);
});

test('a note has at most 1024 bytes, whole characters', (t) => {
  for (const character of ['x', 'ä', '€', '😀']) {
    for (let more = 0; more < 4; more++) {
      const [note] = notesOf([problem({ message: `${'.'.repeat(more)}${character.repeat(1200)}` })]);
      const bytes = Buffer.byteLength(note!.text);
      t.true(bytes <= longestNote && bytes > longestNote - 8, `${bytes} bytes`);
      t.false(note!.text.includes('\ufffd'));
      t.true(note!.text.endsWith(`${character}…`));
    }
  }
});

test('notes are bounded, of one object and of all', (t) => {
  const many = Array.from({ length: 500 }, (_, i) =>
    problem({ resource: `VirtualService shop/r${i >> 1}`, path: `p${i}` }),
  );
  t.is(notesOf(many).length, mostNotes);
  const one = Array.from({ length: 50 }, (_, i) => problem({ path: `p${i}` }));
  t.is(notesOf(one).length, 8);
});
