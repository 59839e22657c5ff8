{{/* NetworkPolicyPorts that everybody may reach: those of the values, or all but the metrics port. */}}
{{- define "weft.otherPorts" -}}
{{- $metrics := .Values.agent.metricsPort | int -}}
{{- range .Values.networkPolicy.otherPorts }}
{{- $first := .port | int }}
{{- $last := .endPort | default .port | int }}
{{- $protocol := .protocol | default "TCP" }}
{{- if and (eq $protocol "TCP") (le $first $metrics) (ge $last $metrics) }}
{{- fail (printf "networkPolicy.otherPorts would open the metrics port %d to everybody" $metrics) }}
{{- end }}
- protocol: {{ $protocol }}
  port: {{ $first }}
  {{- if .endPort }}
  endPort: {{ $last }}
  {{- end }}
{{- else }}
{{- if gt $metrics 1 }}
- protocol: TCP
  port: 1
  endPort: {{ sub $metrics 1 }}
{{- end }}
{{- if lt $metrics 65535 }}
- protocol: TCP
  port: {{ add $metrics 1 }}
  endPort: 65535
{{- end }}
- protocol: UDP
{{- end }}
{{- end -}}
