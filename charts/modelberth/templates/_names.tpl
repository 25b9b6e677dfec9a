{{- /* Names, labels and the image: everything that several templates must say alike. */ -}}

{{- define "modelberth.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 52 characters, so that a suffix like "-activator" still makes a valid Service name. */ -}}
{{- define "modelberth.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "modelberth.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "modelberth.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "modelberth.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "modelberth.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* What selects the operator's pods: a Deployment's selector can never change, so nothing else belongs here. */ -}}
{{- define "modelberth.selectorLabels" -}}
app.kubernetes.io/name: {{ include "modelberth.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelberth.labels" -}}
{{ include "modelberth.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- /* The webhook's Service and Secret. */ -}}
{{- define "modelberth.webhookName" -}}
{{- include "modelberth.fullname" . }}-webhook
{{- end -}}

{{- /* What the webhook has in the whole cluster. The operator derives the same name from the other one. */ -}}
{{- define "modelberth.webhookConfigurationName" -}}
{{- include "modelberth.webhookName" . }}.{{ .Release.Namespace }}
{{- end -}}

{{- /* The operator's image; fetchers run from it too. */ -}}
{{- define "modelberth.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}
