{{/* The agent's container and doctor's: what doctor finds is what the agent will find. */}}
{{- define "weft.securityContext" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsUser: 0
runAsGroup: 0
runAsNonRoot: false
capabilities:
  drop: [ALL]
  add:
    - KILL
    - NET_ADMIN
    - NET_BIND_SERVICE
    - SETGID
    - SETPCAP
    - SETUID
    - SYS_ADMIN
    - SYS_PTRACE
seccompProfile:
  type: {{ .Values.securityContext.seccomp }}
  {{- if eq .Values.securityContext.seccomp "Localhost" }}
  localhostProfile: {{ .Values.securityContext.localhostProfile }}
  {{- end }}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}
appArmorProfile:
  type: {{ .Values.securityContext.appArmor }}
{{- end }}
{{- with .Values.securityContext.seLinuxOptions }}
seLinuxOptions: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The words before `weft`. A container has a cgroup namespace of its own, from which no process can be moved into a cgroup outside (nsdelegate) and in which /proc/PID/cgroup is cut short. */}}
{{- define "weft.enter" -}}
- nsenter
- --cgroup=/host/proc/1/ns/cgroup
- --
- weft
{{- end -}}

{{- define "weft.environment" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- end -}}

{{- define "weft.volumeMounts" -}}
- name: bpffs
  mountPath: {{ .Values.host.bpffs }}
  mountPropagation: HostToContainer
- name: cgroup
  mountPath: {{ .Values.host.cgroup }}
  mountPropagation: HostToContainer
- name: config
  mountPath: /etc/weft
  readOnly: true
- name: proc
  mountPath: /host/proc
  readOnly: true
- name: run
  mountPath: /run/weft
{{- end -}}
