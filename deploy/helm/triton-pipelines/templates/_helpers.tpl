{{- define "triton.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "triton.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "triton.labels" -}}
{{ include "triton.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "triton.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}{{ else }}{{ printf "%s:%s" .repository .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "triton.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "triton.fullname" .) "default") -}}
{{- end -}}

{{- /* The deployment's name in Triton: its own, or its task's. */ -}}
{{- define "triton.deploymentName" -}}
{{- .name | default (.task | replace "-" "_") -}}
{{- end -}}

{{- /* The names as list items; none where everything is served. */ -}}
{{- define "triton.names" -}}
{{- range .Values.deployments }}
- {{ include "triton.deploymentName" . }}
{{- end }}
{{- end -}}

{{- define "triton.probe" -}}
exec:
  command:
    - python
    - scripts/probe.py
    - --repository=/data/models
    - --timeout={{ max 1 (sub .probe.timeoutSeconds 3) }}
    {{- with include "triton.names" .root | trim }}{{ . | nindent 4 }}{{ end }}
periodSeconds: {{ .probe.periodSeconds }}
timeoutSeconds: {{ .probe.timeoutSeconds }}
failureThreshold: {{ .probe.failureThreshold }}
{{- end -}}

{{- define "triton.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "triton.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "triton.claim" -}}
{{- .Values.checkpoints.claim.existing | default (printf "%s-checkpoints" (include "triton.fullname" .)) -}}
{{- end -}}

{{- /* What a schema cannot say. */ -}}
{{- define "triton.validate" -}}
{{- $checkpoints := .Values.checkpoints -}}
{{- $names := list -}}
{{- range .Values.deployments -}}{{- $names = append $names (include "triton.deploymentName" .) -}}{{- end -}}
{{- if ne (len $names) (len (uniq $names)) -}}
{{- fail (printf "deployments: two have one name; give one a name of its own (%s)" (join ", " $names)) -}}
{{- end -}}
{{- if and (eq $checkpoints.from "install") (not .Values.deployments) -}}
{{- fail "deployments: name what shall be installed" -}}
{{- end -}}
{{- if and (eq $checkpoints.from "volume") (not $checkpoints.claim.existing) -}}
{{- fail "checkpoints.from is volume: set checkpoints.claim.existing" -}}
{{- end -}}
{{- $most := .Values.autoscaling.enabled | ternary .Values.autoscaling.maxReplicas .Values.replicas | int -}}
{{- $shared := or (has "ReadWriteMany" $checkpoints.claim.accessModes) (has "ReadOnlyMany" $checkpoints.claim.accessModes) -}}
{{- if and $checkpoints.claim.enabled (eq $checkpoints.from "install") (gt $most 1) (not $shared) -}}
{{- fail "checkpoints.claim.accessModes: several replicas need ReadWriteMany" -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail "autoscaling: minReplicas is above maxReplicas" -}}
{{- end -}}
{{- if and .enabled (eq .engine "keda") (not .prometheusAddress) -}}
{{- fail "autoscaling.engine is keda: set autoscaling.prometheusAddress" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: name it" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}
{{- fail "gateway.parentRefs: name the gateway" -}}
{{- end -}}
{{- end -}}
