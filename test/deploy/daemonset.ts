import type { Rendered } from '../../deploy/render/chart.js';

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly mountPropagation?: string;
}

export interface SecurityContext {
  readonly privileged: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly capabilities?: { readonly drop: readonly string[]; readonly add: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly securityContext: SecurityContext;
  readonly volumeMounts: readonly VolumeMount[];
  readonly [field: string]: unknown;
}

export interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type: string };
  readonly configMap?: { readonly name: string };
}

/** What is looked at of a rendered DaemonSet. */
export interface DaemonSet {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly updateStrategy: unknown;
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly Container[];
        readonly initContainers: readonly Container[];
        readonly volumes: readonly Volume[];
        readonly [field: string]: unknown;
      };
    };
  };
}

export function daemonSetOf({ objects }: Rendered): DaemonSet {
  return objects.find(({ kind }) => kind === 'DaemonSet') as unknown as DaemonSet;
}

export function agentContainer(rendered: Rendered): Container {
  return daemonSetOf(rendered).spec.template.spec.containers[0]!;
}
