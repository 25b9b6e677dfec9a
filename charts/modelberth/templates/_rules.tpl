{{- /*
What the operator may do where it serves models: in a ClusterRole for the whole cluster, in a Role per namespace otherwise.

Server-side apply is the verb patch, and create where the object does not exist yet. Children go by owner references, which
is the garbage collector's work; the operator itself deletes only what a changed spec no longer wants.
There is no rule for Secrets: the kubelet hands them to the pods that name them. (The one for the webhook's own Secret is in
rbac/webhook.yaml.)
*/ -}}
{{- define "modelberth.rules" -}}
- apiGroups: [modelberth.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [modelberth.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
# Owner references that block deletion need this where OwnerReferencesPermissionEnforcement is on (OpenShift).
- apiGroups: [modelberth.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Caches of weights. Never deleted but by their owner reference.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
# Created and deleted: the pod that downloads into a cache, and the pod that reads a private model's files with the tenant's own token, or from a claim.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete]
# Those that point a model's Service at the activator while it has no pods. With the activator switched off too: what was
# left from before must go, or the Service would lead nowhere.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch, create, patch, delete]
# OpenShift asks for this where a slice names addresses of pods: https://github.com/openshift/kubernetes/pull/899
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices/restricted]
  verbs: [create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
