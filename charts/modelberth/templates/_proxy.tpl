{{- /* Proxy variables as a YAML map, for the operator's environment and for the fetchers'. Empty without a proxy. */ -}}
{{- define "modelberth.proxyEnv" -}}
{{- with .Values.proxy -}}
{{- if or .httpProxy .httpsProxy -}}
{{- with .httpProxy }}
HTTP_PROXY: {{ . | quote }}
{{- end }}
{{- with .httpsProxy }}
HTTPS_PROXY: {{ . | quote }}
{{- end }}
{{- with .noProxy }}
NO_PROXY: {{ . | quote }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}
