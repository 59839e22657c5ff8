import { runChecks } from './check.js';
import { environmentChecks } from './checks/environment.js';
import { featureChecks } from './checks/features.js';
import { kernelLogChecks } from './checks/log.js';
import { programChecks } from './checks/programs.js';

const failed = await runChecks(
  [...environmentChecks, ...featureChecks, ...programChecks, ...kernelLogChecks],
  process.env.WEFT_REPORT ?? '/dev/stdout',
);
process.exit(failed > 0 ? 1 : 0);
