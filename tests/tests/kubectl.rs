//! kubectl works with the embedded cluster as with a real one: every transcript is what a person sees who types these lines, on
//! either cluster.

use holm_e2e::{Foreign, Tool, is_embedded, transcript};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: 'example:1', ports: [{containerPort: 80}]}
";

/// A claim, and a pod with all that a description shows.
const DATA: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: user, annotations: {note: x}}
spec:
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  containers:
    - name: main
      image: example:1
      resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}
      env: [{name: KEY, valueFrom: {secretKeyRef: {name: keys, key: a}}}]
      volumeMounts: [{name: data, mountPath: /data}]
      livenessProbe: {httpGet: {path: /live, port: 80}}
";

/// Watches an object until it is deleted, and changes it meanwhile. What is looked into exists before the watch that fills it.
const WATCH: &str = "
: >seen
timeout 30 kubectl get configmap watched -w --output-watch-events >seen &
until_seen() { while kill -0 $! && ! grep -q $1 seen; do sleep 0.1; done; }
until_seen ADDED
kubectl label configmap watched a=b
kubectl delete configmap watched
until_seen DELETED
kill $!
cat seen
";

/// What a namespace may have: objects, pods, and pods that end.
const QUOTA: &str = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: counts}
spec: {hard: {secrets: '1', services.nodeports: '1', count/deployments.apps: '2'}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: compute}
spec: {hard: {requests.cpu: '1', requests.memory: 1Gi}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: ending}
spec: {hard: {pods: '1'}, scopes: [Terminating]}
";

/// What somebody asks for who wants to be `joe` of `team`.
const REQUEST: &str = "
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: joe}
spec:
  signerName: example.org/people
  usages: [client auth]
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWE1IOENBUUF3SFRFTk1Bc0dBMVVFQ2d3RWRHVmhiVEVNTUFvR0ExVUVBd3dEYW05bE1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVHdEljTmFMSnFhK1RzRHZRb2Q5cG9iR05TWTJNNGs2cFhSZVgva1kxCjNwdEdmV2doVVUyVEswaWhqaGx3TGhoQUEzZy9wUnhJeHJxMWFoMGpmVXRhdTZBQU1Bb0dDQ3FHU000OUJBTUMKQTBnQU1FVUNJUUNCSEUxUVp1T3FORy9OM3huK1R0ZUU4SUdLWE1aUWJxMHdEaGduQkprbUt3SWdIcVRaaVdvawpCenlNenVBK250dlFXcWREQU9pSGQzUjBWZ2NXU1R2U3I1UT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==
";

#[test]
fn kubectl_creates_every_kind_that_it_has_a_command_for() {
    let mut foreign = Foreign::start("kubectl-create", &[Tool::Kubectl]);
    foreign.run_all(
        "
        kubectl create namespace n1
        kubectl create secret generic s1 --from-literal=a=b
        kubectl create secret docker-registry s2 --docker-username=u --docker-password=p
        kubectl create configmap c1 --from-literal=a=b
        kubectl create serviceaccount sa1
        kubectl create service clusterip svc1 --tcp=80:8080
        kubectl create service nodeport svc2 --tcp=80
        kubectl create service externalname svc3 --external-name=example.com
        kubectl create cronjob cj1 --image=example:1 --schedule='0 0 1 1 *' -- echo hi
        kubectl create job j1 --from=cronjob/cj1
        kubectl create role r1 --verb=get,list --resource=pods,deployments.apps
        kubectl create rolebinding rb1 --role=r1 --serviceaccount=default:sa1
        kubectl create clusterrole cr1 --verb=get --non-resource-url=/logs/*
        kubectl create clusterrolebinding crb1 --clusterrole=cr1 --user=joe --group=team
        kubectl create quota q1 --hard=pods=90
        kubectl create poddisruptionbudget p1 --selector=app=web --min-available=1
        kubectl create priorityclass pc1 --value=10 --description=ten
        kubectl create ingress i1 --rule=example.com/bar=svc1:80,tls=s1
        kubectl get secret,configmap,service,cronjob,role,rolebinding,quota,pdb,ingress,sa
        kubectl get rolebinding rb1 -o jsonpath='{.subjects}{.roleRef}'
        kubectl get clusterrole cr1 -o jsonpath='{.rules}'
        kubectl get service svc1 -o jsonpath='{.spec.ports}'
        kubectl create secret generic s1 --from-literal=a=b
        kubectl create configmap c1 --from-literal=a=c --dry-run=server -o yaml
        ",
    );
    transcript!("kubectl-1-create", foreign);
}

#[test]
fn kubectl_applies_on_either_side_and_moves_from_one_to_the_other() {
    let mut foreign = Foreign::start("kubectl-apply", &[Tool::Kubectl]);
    foreign.write("web.yaml", WEB);
    foreign.write("three.yaml", &WEB.replace("replicas: 2", "replicas: 3"));
    foreign.run_all(
        "
        kubectl apply -f web.yaml
        kubectl apply -f web.yaml
        kubectl diff -f three.yaml | grep '^[+-] '
        kubectl apply --server-side -f three.yaml
        kubectl get deploy web --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{\"\\n\"}{end}' | grep kubectl
        kubectl apply --server-side --dry-run=server -f web.yaml
        kubectl scale deploy web --replicas=5
        kubectl apply --server-side -f three.yaml
        kubectl apply --server-side --force-conflicts -f three.yaml
        kubectl edit deploy web
        kubectl get deploy web -o jsonpath='{.spec.replicas} {.spec.template.spec.containers[0].image}'
        kubectl label deploy web tier=front
        kubectl annotate deploy web note=x
        kubectl patch deploy web -p '{\"metadata\":{\"labels\":{\"tier\":null}}}'
        kubectl patch deploy web --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":4}]'
        kubectl patch deploy web --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":1}}'
        kubectl wait deploy/web --for=jsonpath={.status.replicas}=1 --timeout=30s
        kubectl get deploy web --subresource=scale
        kubectl replace -f web.yaml
        echo '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"},\"dat\":{}}' | kubectl apply --validate=strict -f -
        kubectl delete -f web.yaml
        ",
    );
    transcript!("kubectl-2-apply", foreign);

    let map =
        |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{set: one}}}}\n");
    foreign.write("set/a.yaml", &map("a"));
    foreign.write("set/b.yaml", &map("b"));
    foreign.write(
        "kustom/kustomization.yaml",
        "namePrefix: kz-\nresources: [web.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n",
    );
    foreign.write("kustom/web.yaml", WEB);
    foreign.run_all(
        "
        kubectl apply --prune --applyset=one -n default -f set
        rm set/b.yaml
        kubectl apply --prune --applyset=one -n default -f set
        kubectl get configmap -l set=one
        kubectl apply -k kustom
        kubectl delete -k kustom
        ",
    );
    transcript!("kubectl-3-prune", foreign);
}

#[test]
fn kubectl_rolls_out_waits_drains_and_deletes() {
    let mut foreign = Foreign::start("kubectl-rollout", &[Tool::Kubectl]);
    foreign.write("web.yaml", WEB);
    foreign.run_all(
        "
        kubectl apply -f web.yaml
        kubectl rollout status deploy/web --timeout=30s | tail -1
        kubectl wait --for=condition=Available deploy/web --timeout=30s
        kubectl get deploy web
        kubectl set image deploy/web web=example:2
        kubectl rollout status deploy/web --timeout=30s | tail -1
        kubectl rollout history deploy/web
        kubectl rollout undo deploy/web
        kubectl rollout restart deploy/web
        kubectl rollout status deploy/web --timeout=30s | tail -1
        kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}'
        kubectl autoscale deploy/web --min=2 --max=3 --cpu=50%
        kubectl expose deploy web --port=80
        kubectl wait --for=jsonpath='{.endpoints[0].conditions.ready}'=true endpointslice -l kubernetes.io/service-name=web --timeout=30s | sed 's/web-.*condition/web-SUFFIX condition/'
        kubectl rollout history deploy/web --revision=1
        kubectl rollout pause deploy/web
        kubectl rollout restart deploy/web
        kubectl rollout resume deploy/web
        kubectl run job --image=example:1 --restart=Never
        kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/job --timeout=30s
        kubectl get pod job
        kubectl run one --image=example:1
        kubectl wait --for=condition=Ready pod/one --timeout=30s
        kubectl logs one
        kubectl get pod one -o wide
        kubectl describe pod one | grep -E '^(Name|Status|Node|Service Account|QoS Class):'
        kubectl describe deploy web | grep -E '^(Name|Replicas|Selector|StrategyType):'
        kubectl get hpa,svc
        kubectl create poddisruptionbudget web --selector=app=web --min-available=2
        kubectl wait --for=jsonpath='{.status.currentHealthy}'=2 pdb/web --timeout=30s
        kubectl drain holm-node --ignore-daemonsets --force --timeout=2s 2>&1 | grep -c 'disruption budget' | sed 's/[1-9][0-9]*/refused/'
        kubectl get node holm-node
        kubectl uncordon holm-node
        kubectl delete pdb web
        kubectl delete deploy web --cascade=orphan
        kubectl get rs -l app=web --no-headers | wc -l
        kubectl delete rs -l app=web --cascade=foreground | wc -l
        kubectl get pods -l app=web
        ",
    );
    transcript!("kubectl-4-rollout", foreign);
}

#[test]
fn kubectl_asks_who_may_do_what_and_is_refused_clearly() {
    let mut foreign = Foreign::start("kubectl-access", &[Tool::Kubectl]);
    foreign.write("csr.yaml", REQUEST);
    foreign.run_all(
        "
        kubectl auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups}'
        kubectl auth can-i '*' '*'
        kubectl auth can-i list pods --as=joe
        kubectl create rolebinding joe --clusterrole=view --user=joe
        kubectl auth can-i list pods --as=joe
        kubectl auth can-i list secrets --as=joe
        kubectl get pods --as=joe
        kubectl get secrets --as=joe
        kubectl get nodes --as=joe --as-group=system:masters --no-headers | wc -l
        kubectl create serviceaccount robot
        kubectl create token robot --duration=10m > token; grep -c '^ey' token
        kubectl auth whoami --token=$(cat token)
        kubectl get pods --token=$(cat token)
        kubectl get pods --token=wrong
        kubectl auth can-i --list --as=joe | head -3
        kubectl get --raw /healthz
        kubectl get --raw /readyz
        kubectl cluster-info
        kubectl version
        kubectl apply -f csr.yaml
        kubectl get csr joe
        kubectl certificate approve joe
        kubectl certificate deny joe
        kubectl get csr joe -o jsonpath='{range .status.conditions[*]}{.type} {.status} {.reason}{end}'
        ",
    );
    transcript!("kubectl-5-access", foreign);
}

#[test]
fn kubectl_gets_in_every_form_and_waits_for_anything() {
    let mut foreign = Foreign::start("kubectl-get", &[Tool::Kubectl]);
    foreign.write("web.yaml", WEB);
    foreign.write("data.yaml", DATA);
    foreign.write("watch.sh", WATCH);
    foreign.run_all(
        r#"
        kubectl create secret generic keys --from-literal=a=b
        kubectl apply -f web.yaml -f data.yaml
        kubectl rollout status deploy/web --timeout=30s | tail -1
        kubectl expose deploy web --port=80
        kubectl wait --for=condition=Ready pod/user --timeout=30s
        kubectl get deploy,pods,svc,pvc -o wide
        kubectl get deploy web -o yaml
        kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.status.phase}{"\n"}{end}'
        kubectl get pods -l 'app in (web,other),tier notin (x)' --no-headers | wc -l
        kubectl get pods --field-selector=status.phase=Running,metadata.name=user -o name
        kubectl get pods --field-selector=nosuch=1
        kubectl get deploy web -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image
        kubectl get deploy web -o go-template='{{.spec.replicas}}'
        kubectl get deploy web -L app --show-labels
        kubectl get deploy web --subresource=scale
        kubectl get deploy web --subresource=status
        kubectl get deploy nosuch
        kubectl get nosuch
        kubectl get deploy web nosuch --ignore-not-found -o name
        kubectl get pods,deploy -o name --sort-by=.metadata.name
        kubectl create configmap last --from-literal=order=9
        kubectl create configmap first --from-literal=order=1
        kubectl get configmap --sort-by=.data.order --field-selector=metadata.name!=kube-root-ca.crt
        kubectl get --raw /api/v1/namespaces/default/configmaps/nosuch
        kubectl get events.v1.events.k8s.io --field-selector=regarding.name=user,regarding.kind=Pod -o custom-columns=REASON:.reason,NOTE:.note --no-headers | sort
        kubectl events --for pod/user | sed 's/^[^ ]* *//' | sort
        kubectl create configmap watched --from-literal=a=b
        sh watch.sh
        kubectl wait --for=create deploy/web --timeout=5s
        kubectl wait --for=jsonpath='{.status.readyReplicas}'=2 deploy/web --timeout=30s
        kubectl wait --for=jsonpath='{.status.readyReplicas}'=3 deploy/web --timeout=1s
        kubectl wait --for=condition=Nosuch deploy/web --timeout=1s
        kubectl delete pod user --wait=false
        kubectl wait --for=delete pod/user --timeout=30s
        kubectl wait --for=condition=Ready pod/nosuch --timeout=1s
        "#,
    );
    transcript!("kubectl-6-get", foreign);
}

#[test]
fn kubectl_describes_explains_and_lists_what_is_served() {
    let mut foreign = Foreign::start("kubectl-describe", &[Tool::Kubectl]);
    foreign.write("web.yaml", WEB);
    foreign.write("data.yaml", DATA);
    // The Events of a moment have no order. A node is described by what both clusters simulate of it.
    foreign.run_all(
        r#"
        kubectl create secret generic keys --from-literal=a=b
        kubectl apply -f web.yaml -f data.yaml
        kubectl wait --for=condition=Available deploy/web --timeout=30s
        kubectl expose deploy web --port=80
        kubectl wait --for=condition=Ready pod/user --timeout=30s
        kubectl describe pod user | sed '/^Events:/,$d'
        kubectl describe pod user | sed '1,/^Events:/d' | sort
        kubectl describe deploy web
        kubectl wait --for=jsonpath='{.endpoints[0].conditions.ready}'=true endpointslice -l kubernetes.io/service-name=web --timeout=30s >/dev/null
        kubectl describe svc web
        kubectl describe pvc data | sed '/^Events:/,$d'
        kubectl describe secret keys
        kubectl describe node holm-node | grep -E '^(Name|Roles|Taints|Unschedulable):'
        kubectl describe node holm-node | sed -n '/^Capacity:/,/^System Info:/p'
        kubectl describe node holm-node | sed -n '/^Non-terminated/,/^Events:/p' | sed '/^Events:/d'
        kubectl describe deploy nosuch
        kubectl explain pod.spec.nosuch
        kubectl api-resources | grep -vE '^(bindings|componentstatuses|apiservices) '
        kubectl api-versions | grep -v apiregistration
        kubectl patch pod user --subresource=resize -p '{"spec":{"containers":[{"name":"main","resources":{"requests":{"cpu":"200m"}}}]}}'
        kubectl get pod user -o jsonpath='{.spec.containers[0].resources}'
        kubectl top pods
        "#,
    );
    // The schema of the embedded cluster has no prose and no enumerations.
    for what in ["deploy.spec.strategy", "deploy.spec.paused", "hpa.spec.metrics.resource --recursive"] {
        foreign.run(&format!("kubectl explain {what} | grep -E '^(GROUP|KIND|VERSION|FIELDS?):|\t<'"));
    }
    transcript!("kubectl-7-describe", foreign);
}

#[test]
fn quotas_are_counted_and_what_exceeds_them_is_refused() {
    let mut foreign = Foreign::start("kubectl-quota", &[Tool::Kubectl]);
    foreign.write("quota.yaml", QUOTA);
    foreign.write("web.yaml", WEB);
    foreign.run_all(
        r#"
        kubectl create ns small
        kubectl wait --for=create sa/default -n small --timeout=30s >/dev/null
        kubectl apply -n small -f quota.yaml
        kubectl wait --for=jsonpath='{.status.used.secrets}'=0 quota/counts -n small --timeout=30s
        kubectl wait --for=jsonpath='{.status.used.pods}'=0 quota/ending -n small --timeout=30s
        kubectl create secret generic a -n small
        kubectl create secret generic b -n small
        kubectl create secret generic b -n small --dry-run=server
        kubectl create service nodeport one -n small --tcp=80
        kubectl create service nodeport two -n small --tcp=80
        kubectl create service clusterip two -n small --tcp=80
        kubectl patch service two -n small -p '{"spec":{"type":"NodePort"}}'
        kubectl run none -n small --image=example:1
        kubectl run much -n small --image=example:1 --overrides='{"spec":{"containers":[{"name":"much","image":"example:1","resources":{"requests":{"cpu":"1500m","memory":"1Mi"}}}]}}'
        kubectl run fits -n small --image=example:1 --overrides='{"spec":{"containers":[{"name":"fits","image":"example:1","resources":{"requests":{"cpu":"600m","memory":"1Mi"}}}]}}'
        kubectl run more -n small --image=example:1 --overrides='{"spec":{"containers":[{"name":"more","image":"example:1","resources":{"requests":{"cpu":"600m","memory":"1Mi"}}}]}}'
        kubectl create deploy web -n small --image=example:1
        kubectl wait --for=condition=ReplicaFailure deploy/web -n small --timeout=30s
        kubectl get deploy web -n small -o jsonpath='{.status.conditions[?(@.type=="ReplicaFailure")].message}' | sed 's/"web-[^"]*"/"web-SUFFIX"/'
        kubectl get quota -n small counts -o jsonpath='{.status.used}'
        kubectl describe quota -n small compute
        kubectl delete pod fits -n small
        kubectl wait --for=jsonpath='{.status.used.requests\.cpu}'=0 quota/compute -n small --timeout=30s
        kubectl get quota -n small
        "#,
    );
    transcript!("kubectl-9-quota", foreign);
}

/// On a real node these do what they are for.
#[test]
fn what_needs_containers_that_run_is_refused_by_the_embedded_cluster_in_words() {
    if !is_embedded() {
        return;
    }
    let mut foreign = Foreign::start("kubectl-refused", &[Tool::Kubectl]);
    foreign.run_all(
        "
        kubectl run one --image=example:1
        kubectl wait --for=condition=Ready pod/one --timeout=30s
        kubectl exec one -- ls
        kubectl attach one
        kubectl cp one:/file file
        kubectl port-forward one 8080:80
        kubectl get --raw /api/v1/namespaces/default/pods/one/proxy/
        kubectl debug one --image=example:1 --container=d
        kubectl get pod one -o jsonpath='{.spec.ephemeralContainers[0].name}'
        kubectl top nodes
        kubectl get --raw /metrics
        kubectl explain deploy.spec.replicas
        kubectl delete pod one --now
        ",
    );
    transcript!("kubectl-8-refused", foreign);
}
