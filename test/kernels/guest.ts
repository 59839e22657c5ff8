import { runChecks } from './check.js';
import { agentChecks } from './checks/agent.js';
import { environmentChecks } from './checks/environment.js';
import { featureChecks } from './checks/features.js';
import { gatewayChecks } from './checks/gateway.js';
import { lifecycleChecks } from './checks/lifecycle.js';
import { kernelLogChecks } from './checks/log.js';
import { programChecks } from './checks/programs.js';
import { refusalChecks } from './checks/refusal.js';
import { tcpChecks } from './checks/tcp.js';
import { udpChecks } from './checks/udp.js';
import { Site } from './site.js';

const site = new Site();
const failed = await runChecks(
  [
    ...environmentChecks,
    ...featureChecks,
    ...programChecks(),
    ...gatewayChecks,
    ...agentChecks(site),
    ...tcpChecks(site),
    ...udpChecks(site),
    ...refusalChecks(site),
    ...lifecycleChecks(site),
    ...kernelLogChecks,
  ],
  process.env.WEFT_REPORT ?? '/dev/stdout',
);
process.exit(failed > 0 ? 1 : 0);
