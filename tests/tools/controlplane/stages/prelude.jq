# What a pod is ordered to do. `fault` is {mode, name}: how it fails and which
# container does. A note on the pod decides; without one, a word in an image.
# prelude.tpl decides the same for the templates.
def note($key): .metadata.annotations[$key] // .metadata.labels[$key] // "";
def word: capture("(?:^|[/:_.@-])(?<w>init-crash-loop|image-pull-error|does-not-exist|crash-loop|config-error|never-ready|slow-stop|slow|oom|job-fail|job-hang)(?:$|[/:_.@-])").w;
def fault:
  . as $pod
  | note("holm.dev/simulate") as $mode
  | if $mode != "" then
      {mode: $mode, name: (note("holm.dev/simulate-container") | if . != "" then . elif $mode == "init-crash-loop" then $pod.spec.initContainers[0]?.name else $pod.spec.containers[0].name end)}
    else
      [ (.spec.containers[] | {mode: (.image | word), name: .name}),
        (.spec.initContainers[]? | {mode: (.image | word), name: .name} | select(.mode | test("crash-loop")) | .mode = "init-crash-loop")
      ][0] // {mode: "", name: ""}
    end
  | if .mode == "does-not-exist" then .mode = "image-pull-error" else . end
  | if .mode == "init-crash-loop" and ($pod.spec.initContainers // [] | length) == 0 then .mode = "" else . end;
def mode: fault.mode;
def crashes: mode | IN("crash-loop", "init-crash-loop", "oom", "job-fail");
def status: fault.name as $name | [.status.initContainerStatuses[]?, .status.containerStatuses[]?] | map(select(.name == $name)) | .[0] // {};
def waits($reason): status.state.waiting.reason == $reason;
def kept: .metadata.deletionTimestamp == null;
def fresh: kept and .status.phase == "Pending" and .status.startTime == null;
def live: kept and .status.startTime != null and (.status.phase | IN("Pending", "Running"));
def tracked: (.metadata.finalizers // [] | index("batch.kubernetes.io/job-tracking")) != null and (.status.phase | IN("Succeeded", "Failed") | not);
