import { execFileSync } from 'node:child_process';
import { chainHash } from './chain.js';
import {
  backendAddress,
  backendPort,
  type MeshSize,
  meshNamespace,
  podRange,
  serviceAddress,
  serviceName,
  servicePort,
} from './mesh.js';

const filter = `*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;

const natJumps = `-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
`;

/**
 * The rules of kube-proxy's iptables mode for ClusterIP Services, as iptables-restore reads them: KUBE-SERVICES leads to one
 * KUBE-SVC-* a Service, in order, which leads to one of its KUBE-SEP-* with probability 1/n, 1/(n-1), … 1.
 */
export function iptablesRules(size: MeshSize): string {
  const chains = [':KUBE-NODEPORTS', ':KUBE-SERVICES', ':KUBE-MARK-MASQ', ':KUBE-POSTROUTING'];
  const rules: string[] = [];
  for (let service = 0; service < size.services; service++) {
    const port = `${meshNamespace}/${serviceName(service)}:tcp-main`;
    const chain = `KUBE-SVC-${chainHash(`${port}tcp`, 16)}`;
    const match = `-m comment --comment "${port} cluster IP" -m tcp -p tcp -d ${serviceAddress(service)} --dport ${servicePort}`;
    chains.push(`:${chain}`);
    rules.push(`-A KUBE-SERVICES ${match} -j ${chain}`, `-A ${chain} ${match} ! -s ${podRange} -j KUBE-MARK-MASQ`);
    for (let endpoint = 0; endpoint < size.endpoints; endpoint++) {
      const address = backendAddress(service * size.endpoints + endpoint);
      const target = `${address}:${backendPort}`;
      const endpointChain = `KUBE-SEP-${chainHash(`${port}tcp${target}`, 16)}`;
      const left = size.endpoints - endpoint;
      const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
      chains.push(`:${endpointChain}`);
      rules.push(
        `-A ${chain} -m comment --comment "${port} -> ${target}"${chance} -j ${endpointChain}`,
        `-A ${endpointChain} -m comment --comment ${port} -s ${address} -j KUBE-MARK-MASQ`,
        `-A ${endpointChain} -m comment --comment ${port} -m tcp -p tcp -j DNAT --to-destination ${target}`,
      );
    }
  }
  rules.push(
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
  );
  const heads = chains.map((chain) => `${chain} - [0:0]`).join('\n');
  return `${filter}*nat\n${heads}\n${natJumps}${rules.join('\n')}\nCOMMIT\n`;
}

/** Loads the rules of a mesh into the network namespace at `netns`; returns which program took them. */
export function loadIptables(netns: string, size: MeshSize): 'iptables-legacy' | 'iptables-nft' {
  const input = iptablesRules(size);
  const restore = (program: string) =>
    execFileSync('nsenter', [`--net=${netns}`, program], { input, stdio: ['pipe', 'ignore', 'pipe'] });
  try {
    restore('iptables-legacy-restore');
    return 'iptables-legacy';
  } catch {
    restore('iptables-nft-restore');
    return 'iptables-nft';
  }
}
