{{- define "observer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "observer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "observer.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "observer.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* labels: (dict "root" $ "component" "agent") */}}
{{- define "observer.selector" -}}
app.kubernetes.io/name: {{ include "observer.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "observer.labels" -}}
{{ include "observer.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: observer
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "observer.image" -}}
{{- $repository := .image.repository -}}
{{- if .root.Values.imageRegistry -}}{{- $repository = printf "%s/%s" .root.Values.imageRegistry $repository -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "observer.agent.account" -}}
{{- default (printf "%s-agent" (include "observer.fullname" .)) .Values.agent.serviceAccount.name -}}
{{- end -}}

{{- define "observer.collector.account" -}}
{{- default (printf "%s-collector" (include "observer.fullname" .)) .Values.collector.serviceAccount.name -}}
{{- end -}}

{{- define "observer.collector.host" -}}
{{- printf "%s-collector.%s.svc" (include "observer.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "observer.collector.tls" -}}
{{- default (printf "%s-collector-tls" (include "observer.fullname" .)) .Values.collector.tls.existingSecret -}}
{{- end -}}

{{/* The agents' settings, as one file. */}}
{{- define "observer.agent.settings" -}}
{{- $listen := ternary (printf ":%v" .Values.agent.metrics.port) (printf "127.0.0.1:%v" .Values.agent.metrics.port) (or .Values.agent.metrics.exposed .Values.podMonitor.enabled) -}}
{{- $made := dict "cluster" .Values.cluster "kubernetes" .Values.agent.kubernetes "listen" $listen -}}
{{- if .Values.agent.trustClusterAuthority -}}
{{- $_ := set $made "ca" (list "cluster=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt") -}}
{{- end -}}
{{- if .Values.agent.inventory -}}{{- $_ := set $made "inventory" "/etc/observer/inventory.yaml" -}}{{- end -}}
{{- if .Values.agent.rules -}}{{- $_ := set $made "rules" "/etc/observer/rules" -}}{{- end -}}
{{- if .Values.collector.enabled -}}
{{- $_ := set $made "collector" (printf "https://%s:%v" (include "observer.collector.host" .) .Values.collector.port) -}}
{{- $_ := set $made "collector_ca" "/run/observer/tls/ca.crt" -}}
{{- $_ := set $made "collector_token_file" "/run/observer/token/token" -}}
{{- $_ := set $made "spool" "/var/lib/observer/spool" -}}
{{- else if .Values.externalCollector.url -}}
{{- $_ := set $made "collector" .Values.externalCollector.url -}}
{{- $_ := set $made "spool" "/var/lib/observer/spool" -}}
{{- if .Values.externalCollector.caSecret -}}{{- $_ := set $made "collector_ca" "/run/observer/tls/ca.crt" -}}{{- end -}}
{{- if .Values.externalCollector.tokenSecret -}}{{- $_ := set $made "collector_token_file" "/run/observer/token/token" -}}{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $made .Values.agent.settings) -}}
{{- end -}}

{{- define "observer.collector.pod" -}}
metadata:
  labels: {{- include "observer.labels" (dict "root" . "component" "collector") | nindent 4 }}
  {{- with .Values.collector.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "observer.collector.account" . }}
  # It asks the API whose tokens the agents bear.
  automountServiceAccountToken: true
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.collector.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: collector
      image: {{ include "observer.image" (dict "root" . "image" .Values.collector.image) }}
      imagePullPolicy: {{ .Values.collector.image.pullPolicy }}
      args:
        - collector
        - --data=/var/lib/observer
        - --listen=0.0.0.0:{{ .Values.collector.port }}
        - --tls-certificate=/run/observer/tls/tls.crt
        - --tls-key=/run/observer/tls/tls.key
        - --kubernetes=https://kubernetes.default.svc
        - --audience={{ .Values.collector.audience }}
        - --service-account={{ .Release.Namespace }}/{{ include "observer.agent.account" . }}=write
        - --keep-flows={{ .Values.collector.keepFlowsDays }}
        - --keep-findings={{ .Values.collector.keepFindingsDays }}
        {{- if eq .Values.collector.store "clickhouse" }}
        - --store=$(STORE_DSN)
        {{- with .Values.collector.clickhouse.cluster }}
        - --store-cluster={{ . }}
        {{- end }}
        {{- end }}
        {{- range .Values.collector.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- if or .Values.collector.extraEnv (eq .Values.collector.store "clickhouse") }}
      env:
        {{- if eq .Values.collector.store "clickhouse" }}
        - name: STORE_DSN
          valueFrom: {secretKeyRef: {name: {{ required "collector.clickhouse.existingSecret: a Secret with the key dsn" .Values.collector.clickhouse.existingSecret }}, key: dsn}}
        {{- end }}
        {{- with .Values.collector.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - {name: https, containerPort: {{ .Values.collector.port }}, protocol: TCP}
      startupProbe:
        httpGet: {path: /readyz, port: https, scheme: HTTPS}
        failureThreshold: 60
        periodSeconds: 2
      livenessProbe:
        httpGet: {path: /healthz, port: https, scheme: HTTPS}
        periodSeconds: 20
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: https, scheme: HTTPS}
        periodSeconds: 10
        timeoutSeconds: 5
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources: {{- toYaml .Values.collector.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/observer}
        - {name: tls, mountPath: /run/observer/tls, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- with .Values.collector.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tls
      secret: {secretName: {{ include "observer.collector.tls" . }}, defaultMode: 0440}
    - name: tmp
      emptyDir: {}
    {{- if ne .Values.collector.store "embedded" }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with .Values.collector.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.collector.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.collector.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.collector.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
