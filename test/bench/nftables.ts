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
  serviceRange,
} from './mesh.js';

const base = `
add table ip kube-proxy
add set ip kube-proxy cluster-ips { type ipv4_addr ; }
add set ip kube-proxy nodeport-ips { type ipv4_addr ; }
add map ip kube-proxy firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict ; }
add chain ip kube-proxy mark-for-masquerade
add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
`;

const hooks = `
add chain ip kube-proxy cluster-ips-check
add chain ip kube-proxy firewall-check
add chain ip kube-proxy masquerading
add chain ip kube-proxy nodeport-endpoints-check
add chain ip kube-proxy services
add chain ip kube-proxy service-endpoints-check
add rule ip kube-proxy cluster-ips-check ip daddr @cluster-ips reject
add rule ip kube-proxy cluster-ips-check ip daddr { ${serviceRange} } drop
add rule ip kube-proxy firewall-check ip daddr . meta l4proto . th dport vmap @firewall-ips
add rule ip kube-proxy masquerading mark and 0x4000 == 0 return
add rule ip kube-proxy masquerading mark set mark xor 0x4000
add rule ip kube-proxy masquerading masquerade fully-random
add rule ip kube-proxy nodeport-endpoints-check ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
add rule ip kube-proxy service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add chain ip kube-proxy filter-prerouting-pre-dnat { type filter hook prerouting priority -110 ; }
add chain ip kube-proxy filter-output-pre-dnat { type filter hook output priority -110 ; }
add chain ip kube-proxy filter-forward { type filter hook forward priority 0 ; }
add chain ip kube-proxy filter-input { type filter hook input priority 0 ; }
add chain ip kube-proxy filter-output { type filter hook output priority 0 ; }
add chain ip kube-proxy nat-output { type nat hook output priority -100 ; }
add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100 ; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100 ; }
add rule ip kube-proxy filter-prerouting-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-output-pre-dnat ct state new jump firewall-check
add rule ip kube-proxy filter-forward ct state new jump service-endpoints-check
add rule ip kube-proxy filter-forward ct state new jump cluster-ips-check
add rule ip kube-proxy filter-input ct state new jump nodeport-endpoints-check
add rule ip kube-proxy filter-input ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump cluster-ips-check
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy nat-prerouting jump services
`;

function endpointChain(portName: string, address: string): string {
  const name = `${portName}__${address}/${backendPort}`;
  return `endpoint-${chainHash(name, 8)}-${name}`;
}

function serviceChains(size: MeshSize, service: number): { readonly name: string; readonly lines: readonly string[] } {
  const portName = `${meshNamespace}/${serviceName(service)}/tcp/tcp-main`;
  const name = `service-${chainHash(portName, 8)}-${portName}`;
  const lines: string[] = [];
  const verdicts: string[] = [];
  for (let endpoint = 0; endpoint < size.endpoints; endpoint++) {
    const address = backendAddress(service * size.endpoints + endpoint);
    const chain = endpointChain(portName, address);
    verdicts.push(`${endpoint} : goto ${chain}`);
    lines.push(
      `add chain ip kube-proxy ${chain}`,
      `add rule ip kube-proxy ${chain} ip saddr ${address} jump mark-for-masquerade`,
      `add rule ip kube-proxy ${chain} meta l4proto tcp dnat to ${address}:${backendPort}`,
    );
  }
  lines.push(
    `add chain ip kube-proxy ${name}`,
    `add rule ip kube-proxy ${name} ip daddr ${serviceAddress(service)} ip saddr != ${podRange} jump mark-for-masquerade`,
    `add rule ip kube-proxy ${name} numgen random mod ${size.endpoints} vmap { ${verdicts.join(', ')} }`,
  );
  return { name, lines };
}

/**
 * The rules of kube-proxy's nftables mode (KEP-3866) for ClusterIP Services, as transactions to be loaded in order. One
 * transaction takes the kernel quadratic time (172 s for 10 000 × 10), so the chains come 500 Services at a time and what
 * leads to them last. The rules that result are the same.
 */
export function nftablesRules(size: MeshSize): readonly string[] {
  const transactions = [base];
  const services: string[] = [];
  const addresses: string[] = [];
  let lines: string[] = [];
  for (let service = 0; service < size.services; service++) {
    const chains = serviceChains(size, service);
    lines.push(...chains.lines);
    addresses.push(serviceAddress(service));
    services.push(`${serviceAddress(service)} . tcp . ${servicePort} : goto ${chains.name}`);
    if (service % 500 === 499 || service === size.services - 1) {
      transactions.push(lines.join('\n'));
      lines = [];
    }
  }
  transactions.push(
    `add element ip kube-proxy cluster-ips { ${addresses.join(', ')} }\nadd element ip kube-proxy service-ips { ${services.join(', ')} }`,
    hooks,
  );
  return transactions;
}

/** Loads the rules of a mesh into the network namespace at `netns`. */
export function loadNftables(netns: string, size: MeshSize): void {
  for (const transaction of nftablesRules(size)) {
    execFileSync('nsenter', [`--net=${netns}`, 'nft', '-f', '-'], { input: `${transaction}\n` });
  }
}
