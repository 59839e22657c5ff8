import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { allPods, backendPods, readServices } from '../../agent/demo/cast.js';
import { podManifest, staticManifests } from '../../agent/demo/manifests.js';
import { phases } from '../../agent/demo/phases.js';
import { runOf } from '../../agent/demo/run.js';
import { nginxConfiguration } from '../../agent/demo/servers.js';
import { targetsOf } from '../../agent/demo/traffic.js';

const run = runOf('weft-demo-7-1234', '/cgroup');
const services = readServices(readFileSync(join(staticManifests, 'services.yaml'), 'utf8'));

test('the client asks both Services through both families in turn', (t) => {
  t.deepEqual(
    targetsOf(services, true).map(({ service, address, port, path }) => `${service} ${address} ${port} ${path}`),
    [
      'order-service 10.96.0.20 8080 /order/1',
      'user-service 10.96.0.10 8080 /user/1',
      'order-service fd00:10:96::20 8080 /order/1',
      'user-service fd00:10:96::10 8080 /user/1',
    ],
  );
  t.deepEqual(
    targetsOf(services, false).map(({ address }) => address),
    ['10.96.0.20', '10.96.0.10'],
  );
});

test('every Service selects as many pods as its Deployment has replicas', (t) => {
  const deployments = parseAllDocuments(readFileSync(join(staticManifests, 'deployments.yaml'), 'utf8'));
  const pods = allPods.map((pod) => parse(podManifest(run, pod, true, true)));
  t.is(deployments.length, services.length);
  for (const deployment of deployments) {
    const { spec } = deployment.toJS();
    const selected = pods.filter(({ metadata }) => metadata.labels.app === spec.selector.matchLabels.app);
    t.is(selected.length, spec.replicas);
  }
});

test('a pod says where it lives and whether it is ready', (t) => {
  const manifest = parse(podManifest(run, backendPods[0]!, false, false));
  t.is(manifest.metadata.annotations['weft.dev/netns'], 'weft-demo-7-1234-order-1');
  t.deepEqual(manifest.status.podIPs, [{ ip: '10.244.0.21' }]);
  t.deepEqual(manifest.status.conditions, [{ type: 'Ready', status: 'False' }]);
});

test('every phase foretells every backend', (t) => {
  for (const { weights } of phases) {
    t.deepEqual(
      Object.entries(weights).flatMap(([service, backends]) =>
        Object.keys(backends).map((name) => `${service} ${name}`),
      ),
      backendPods.map((pod) => `${pod.service} ${pod.name}`),
    );
  }
});

test('a server names itself and listens on the families that there are', (t) => {
  const both = nginxConfiguration(backendPods[0]!, true);
  t.regex(both, /add_header X-Served-By order-1;/);
  t.regex(both, /listen \[::\]:8080 /);
  t.notRegex(nginxConfiguration(backendPods[0]!, false), /\[::\]/);
});
