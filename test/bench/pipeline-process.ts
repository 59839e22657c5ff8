import { Datapath } from '../../agent/kernel/kernel.js';
import { lockPins } from '../../agent/kernel/pins.js';
import { endpointSlice, meshObjects } from './mesh.js';
import { Pipeline, type Stages } from './pipeline.js';
import type { PipelineReport, PipelineRequest } from './pipelines.js';
import { cgroupRoot } from './scope.js';

/*
 * A process that programs one mesh into maps of its own, then changes one endpoint at a time. Its one argument
 * is a PipelineRequest as JSON, what it writes to stdout a PipelineReport.
 */

const rss = (): number => process.memoryUsage.rss() / 2 ** 20;

const request = JSON.parse(process.argv[2]!) as PipelineRequest;
const { size } = request;
const { pins, release } = lockPins(request.pin);
const { cgroup } = request;
const log = (message: string) => void process.stderr.write(`${message}\n`);
const datapath = Datapath.load({ pins, cgroup, cgroupRoot: cgroupRoot(), capacities: {}, log });
const objects = meshObjects(size);
const pipeline = new Pipeline(datapath.store);
const before = rss();
const programmed = pipeline.take(objects);
const after = rss();
const changes: Stages[] = [];
for (let change = 0; change < request.changes; change++) {
  const service = (change * 7919) % size.services;
  const unready = Math.floor(change / size.services) % 2 === 0 ? change % size.endpoints : undefined;
  changes.push(pipeline.take([endpointSlice(size, service, unready)]));
}
datapath.close();
release();
process.stdout.write(JSON.stringify({ programmed, before, after, changes } satisfies PipelineReport));
