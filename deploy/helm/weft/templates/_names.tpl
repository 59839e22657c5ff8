{{- define "weft.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Cluster-wide objects have the namespace in their name, so that two releases do not share them by mistake. */}}
{{- define "weft.clusterName" -}}
{{- printf "%s-%s" (include "weft.name" .) .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "weft.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "weft.name" .) -}}
{{- end -}}

{{- define "weft.selector" -}}
app.kubernetes.io/name: {{ include "weft.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "weft.labels" -}}
{{ include "weft.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: weft
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "weft.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What `weft run --config` reads. The address of the metrics is a flag: it is the node's. */}}
{{- define "weft.config" -}}
kubernetes: true
namespace: {{ .Release.Namespace }}
proc: /host/proc
pin: {{ .Values.host.bpffs }}/{{ .Values.host.pins }}
api: unix:/run/weft/api.sock
{{- with .Values.host.captured }}
cgroup: {{ . | quote }}
{{- end }}
log-level: {{ .Values.agent.logLevel }}
access-log: {{ .Values.agent.accessLog }}
acceleration: {{ .Values.agent.acceleration | quote }}
{{- if not (kindIs "invalid" .Values.agent.workers) }}
workers: {{ .Values.agent.workers | int }}
{{- end }}
gateway-labels: {{- if not .Values.agent.gatewayLabels }} {}{{ end }}
{{- range $name, $value := .Values.agent.gatewayLabels }}
  {{ $name | quote }}: {{ $value | quote }}
{{- end }}
{{- with .Values.agent.capacity }}
capacity:
{{- range $table, $entries := . }}
  {{ $table }}: {{ $entries | int }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Brackets fit an IPv6 address and do not harm an IPv4 one. */}}
{{- define "weft.metricsAddress" -}}
[$(HOST_IP)]:{{ .Values.agent.metricsPort | int }}
{{- end -}}
