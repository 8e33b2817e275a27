{{- /*
Variables for the template that follows, and two definitions:

  $mode, $target  how the pod fails and which container does, as in prelude.jq
  $old            the status that the target has now
  $restarts       how often it has been restarted
  $running        the state of a container that has just started
  $missingKey     the message of `config-error`

  {{ template "status" (dict "in" $in ...) }}  the whole status of a pod
     phase   the pod's phase
     state   the state of the target; without one, it runs
     last    the target's lastState; without one, it stays as it is
     ready   whether the target is ready
     count   the target's restartCount
  {{ template "event" (dict "in" $in ...) }}   an Event as a kubelet writes it
     type, reason, message, count
*/ -}}
{{- $now := Now -}}
{{- $notes := merge (dict) (default dict .metadata.annotations) (default dict .metadata.labels) -}}
{{- $mode := get $notes "holm.dev/simulate" -}}
{{- $target := "" -}}
{{- $pattern := "(?:^|[/:_.@-])(?:init-crash-loop|image-pull-error|does-not-exist|crash-loop|config-error|never-ready|slow-stop|slow|oom|job-fail|job-hang)(?:$|[/:_.@-])" -}}
{{- if $mode -}}
  {{- $target = get $notes "holm.dev/simulate-container" -}}
  {{- if and (not $target) (eq $mode "init-crash-loop") .spec.initContainers -}}{{- $target = (index .spec.initContainers 0).name -}}{{- end -}}
{{- else -}}
  {{- range .spec.containers -}}
    {{- $word := trimAll "/:_.@-" (regexFind $pattern .image) -}}
    {{- if and $word (not $mode) -}}{{- $mode = $word -}}{{- $target = .name -}}{{- end -}}
  {{- end -}}
  {{- range .spec.initContainers -}}
    {{- $word := trimAll "/:_.@-" (regexFind $pattern .image) -}}
    {{- if and (contains "crash-loop" $word) (not $mode) -}}{{- $mode = "init-crash-loop" -}}{{- $target = .name -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- if not $target -}}{{- $target = (index .spec.containers 0).name -}}{{- end -}}
{{- if and (eq $mode "init-crash-loop") (not .spec.initContainers) -}}{{- $mode = "" -}}{{- end -}}
{{- $old := dict -}}
{{- range concat (default list .status.initContainerStatuses) (default list .status.containerStatuses) -}}
  {{- if eq .name $target -}}{{- $old = . -}}{{- end -}}
{{- end -}}
{{- $spec := dict -}}
{{- range concat (default list .spec.initContainers) .spec.containers -}}
  {{- if eq .name $target -}}{{- $spec = . -}}{{- end -}}
{{- end -}}
{{- $restarts := int (get $old "restartCount") -}}
{{- $image := get $spec "image" -}}
{{- $missingKey := "" -}}
{{- range dig "env" list $spec -}}
  {{- range $kind, $ref := dict "Secret" (dig "valueFrom" "secretKeyRef" dict .) "ConfigMap" (dig "valueFrom" "configMapKeyRef" dict .) -}}
    {{- if and $ref (not $missingKey) -}}{{- $missingKey = printf "couldn't find key %s in %s %s/%s" $ref.key $kind $.metadata.namespace $ref.name -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- $missingKey = default (printf "couldn't find key password in Secret %s/postgres-secret" .metadata.namespace) $missingKey -}}
{{- $running := dict "running" (dict "startedAt" $now) -}}
{{- $in := dict "pod" . "now" $now "mode" $mode "target" $target "old" $old -}}

{{- define "condition" -}}
  {{- /* The time of a condition's last transition stays while its status does. */ -}}
  {{- $since := .in.now -}}
  {{- $status := .status -}}{{- $type := .type -}}
  {{- range .in.pod.status.conditions -}}
    {{- if and (eq .type $type) (eq .status $status) -}}{{- $since = .lastTransitionTime -}}{{- end -}}
  {{- end -}}
  {{- $condition := dict "type" .type "status" .status "lastProbeTime" nil "lastTransitionTime" $since "reason" (default nil .reason) "message" (default nil .message) -}}
  {{- with .in.pod.metadata.generation -}}{{- $_ := set $condition "observedGeneration" (int .) -}}{{- end -}}
  {{- toJson $condition -}}
{{- end -}}

{{- define "status" -}}
{{- $in := .in -}}{{- $pod := .in.pod -}}{{- $now := .in.now -}}{{- $target := .in.target -}}
{{- $over := has .phase (list "Succeeded" "Failed") -}}
{{- $olds := dict -}}
{{- range concat (default list $pod.status.initContainerStatuses) (default list $pod.status.containerStatuses) -}}
  {{- $_ := set $olds .name . -}}
{{- end -}}
{{- /* One status for the target, as told, and one for every other container. */ -}}
{{- $call := . -}}
{{- $initFails := false -}}
{{- range $pod.spec.initContainers -}}{{- if and (eq .name $target) (get $call "state") -}}{{- $initFails = true -}}{{- end -}}{{- end -}}
{{- $inits := list -}}{{- $mains := list -}}{{- $incomplete := list -}}{{- $unready := list -}}
{{- $reached := false -}}
{{- range $index, $container := concat (default list $pod.spec.initContainers) $pod.spec.containers -}}
  {{- $isInit := lt $index (len (default list $pod.spec.initContainers)) -}}
  {{- $sidecar := and $isInit (eq (default "" .restartPolicy) "Always") -}}
  {{- $old := default dict (get $olds .name) -}}
  {{- $state := dict "running" (default (dict "startedAt" $now) (dig "state" "running" dict $old)) -}}
  {{- $last := default dict (get $old "lastState") -}}
  {{- $ready := true -}}
  {{- $count := int (get $old "restartCount") -}}
  {{- if and (eq .name $target) (or (get $call "state") (hasKey $call "ready")) -}}
    {{- $state = default $state (get $call "state") -}}
    {{- $last = default $last (get $call "last") -}}
    {{- $ready = default false (get $call "ready") -}}
    {{- $count = default $count (get $call "count") -}}
    {{- $reached = true -}}
  {{- else if and $initFails (not $isInit) -}}
    {{- $state = dict "waiting" (dict "reason" "PodInitializing") -}}{{- $ready = false -}}
  {{- else if and $initFails $reached -}}
    {{- $state = dict "waiting" (dict "reason" "PodInitializing") -}}{{- $ready = false -}}
  {{- else if and $isInit (not $sidecar) -}}
    {{- $state = dict "terminated" (default (dict "exitCode" 0 "reason" "Completed" "startedAt" $now "finishedAt" $now) (dig "state" "terminated" dict $old)) -}}
  {{- else if $over -}}
    {{- $state = dict "terminated" (default (dict "exitCode" 0 "reason" "Completed" "startedAt" (dig "state" "running" "startedAt" $now $old) "finishedAt" $now) (dig "state" "terminated" dict $old)) -}}
    {{- $ready = false -}}
  {{- end -}}
  {{- $id := printf "containerd://%s" (sha256sum (printf "%s/%s/%d" $pod.metadata.uid .name $count)) -}}
  {{- if get $state "terminated" -}}{{- $_ := set (get $state "terminated") "containerID" $id -}}{{- end -}}
  {{- $pulled := or (not (get $state "waiting")) (get $last "terminated") -}}
  {{- $status := dict "name" .name "image" .image "imageID" (ternary (printf "sha256:%s" (sha256sum .image)) "" (not (empty $pulled))) "ready" $ready "started" (not (empty (get $state "running"))) "restartCount" $count "state" $state "lastState" $last -}}
  {{- if $pulled -}}{{- $_ := set $status "containerID" $id -}}{{- end -}}
  {{- if $isInit -}}
    {{- $inits = append $inits $status -}}
    {{- if not $ready -}}{{- $incomplete = append $incomplete .name -}}{{- end -}}
  {{- else -}}
    {{- $mains = append $mains $status -}}
    {{- if not $ready -}}{{- $unready = append $unready .name -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- $why := "" -}}{{- $message := "" -}}
{{- if eq .phase "Succeeded" -}}{{- $why = "PodCompleted" -}}
{{- else if eq .phase "Failed" -}}{{- $why = "PodFailed" -}}
{{- else if $unready -}}{{- $why = "ContainersNotReady" -}}{{- $message = printf "containers with unready status: [%s]" (join " " $unready) -}}
{{- end }}
phase: {{ .phase }}
startTime: {{ default $now $pod.status.startTime | quote }}
{{- with $pod.metadata.generation }}
observedGeneration: {{ int . }}
{{- end }}
{{- /* Every call takes a new address, so a pod that has one does not ask. */ -}}
{{- if not $pod.status.podIP }}
{{- with NodeIPsWith $pod.spec.nodeName }}
hostIP: {{ index . 0 }}
hostIPs: [{ip: {{ index . 0 }}}]
{{- end }}
{{- with PodIPsWith $pod.spec.nodeName (default false $pod.spec.hostNetwork) $pod.metadata.uid $pod.metadata.name $pod.metadata.namespace }}
podIP: {{ index . 0 }}
podIPs: [{ip: {{ index . 0 }}}]
{{- end }}
{{- end }}
initContainerStatuses: {{ toJson $inits }}
containerStatuses: {{ toJson $mains }}
conditions:
- {{ template "condition" (dict "in" $in "type" "PodReadyToStartContainers" "status" (ternary "False" "True" $over) "reason" "" "message" "") }}
{{- if $incomplete }}
- {{ template "condition" (dict "in" $in "type" "Initialized" "status" "False" "reason" "ContainersNotInitialized" "message" (printf "containers with incomplete status: [%s]" (join " " $incomplete))) }}
{{- else }}
- {{ template "condition" (dict "in" $in "type" "Initialized" "status" "True" "reason" (ternary "PodCompleted" "" (eq .phase "Succeeded")) "message" "") }}
{{- end }}
{{- range $type := list "Ready" "ContainersReady" }}
- {{ template "condition" (dict "in" $in "type" $type "status" (ternary "True" "False" (empty $why)) "reason" $why "message" $message) }}
{{- end }}
{{- range $pod.spec.readinessGates }}
- {{ template "condition" (dict "in" $in "type" .conditionType "status" "True" "reason" "" "message" "") }}
{{- end }}
{{- end -}}

{{- define "event" -}}
{{- $pod := .in.pod -}}
{{- $list := "containers" -}}
{{- range $pod.spec.initContainers -}}{{- if eq .name $.in.target -}}{{- $list = "initContainers" -}}{{- end -}}{{- end -}}
{{- $key := printf "%s/%s/%s/%s" $pod.metadata.uid .in.target .reason .message | sha256sum | trunc 16 -}}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s" $pod.metadata.name $key | quote }}
  namespace: {{ $pod.metadata.namespace | quote }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ $pod.metadata.name | quote }}
  namespace: {{ $pod.metadata.namespace | quote }}
  uid: {{ $pod.metadata.uid | quote }}
  resourceVersion: {{ $pod.metadata.resourceVersion | quote }}
  fieldPath: {{ printf "spec.%s{%s}" $list .in.target | quote }}
type: {{ .type }}
reason: {{ .reason }}
message: {{ toJson .message }}
count: {{ .count }}
{{- if eq (int .count) 1 }}
firstTimestamp: {{ .in.now | quote }}
{{- end }}
lastTimestamp: {{ .in.now | quote }}
source: {component: kubelet, host: {{ $pod.spec.nodeName | quote }}}
reportingComponent: kubelet
reportingInstance: {{ $pod.spec.nodeName | quote }}
{{- end -}}
