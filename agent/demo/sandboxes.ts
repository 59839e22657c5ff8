import { allPods } from './cast.js';
import { launch } from './command.js';
import { makeContainer } from './containers.js';
import { netnsOf, type Run } from './run.js';

/** Starts a process in each Pod that does nothing but live there: as a container runtime's sandbox, it stays when the server ends. */
export function startSandboxes(run: Run): void {
  for (const { name } of allPods) {
    const place = { cgroup: makeContainer(run, name, 'sandbox'), netns: netnsOf(run, name) };
    launch(place, ['sleep', 'infinity'], 'ignore');
  }
}
