{{- /* Names and labels of the activator: its Deployment, its headless Service and all that goes with them. */ -}}

{{- define "modelberth.activatorName" -}}
{{- include "modelberth.fullname" . }}-activator
{{- end -}}

{{- /*
A name of its own: the operator's selectors say name and release only, and a Deployment's selector can never change. With a
label more these pods would belong to the operator's Deployment, Service and budget too.
*/ -}}
{{- define "modelberth.activatorSelectorLabels" -}}
app.kubernetes.io/name: {{ include "modelberth.name" . | trunc 53 | trimSuffix "-" }}-activator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelberth.activatorLabels" -}}
{{- merge (include "modelberth.activatorSelectorLabels" . | fromYaml) (include "modelberth.labels" . | fromYaml) | toYaml -}}
{{- end -}}

{{- define "modelberth.activatorServiceAccountName" -}}
{{- with .Values.activator.serviceAccount -}}
{{- if .create -}}
{{- default (include "modelberth.activatorName" $) .name -}}
{{- else -}}
{{- default "default" .name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What the activator may do where models are served: see where their requests go. */ -}}
{{- define "modelberth.activatorRules" -}}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
{{- end -}}
