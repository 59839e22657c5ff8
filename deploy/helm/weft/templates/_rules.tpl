{{/* The rule file, whose alerts name their entry of the runbook; where it has an address, they have a link instead. */}}
{{- define "weft.rules" -}}
{{- $text := required "the chart has no files/alerts.yaml" (.Files.Get "files/alerts.yaml") -}}
{{- with .Values.prometheusRule.runbookUrl -}}
{{- $url := . -}}
{{- $file := fromYaml $text -}}
{{- range $group := $file.groups -}}
{{- range $rule := $group.rules -}}
{{- with $rule.alert -}}
{{- $link := dict "runbook_url" (printf "%s#%s" $url (lower .)) -}}
{{- $_ := set $rule "annotations" (merge $link (omit $rule.annotations "runbook")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $file -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end -}}
