//! kubectl works with the embedded cluster: every transcript is what a person sees who types these lines.

use holm_e2e::{Foreign, foreign_filters};

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

/// Compares what was typed and written with the reviewed transcript.
macro_rules! transcript {
    ($name:literal, $foreign:expr) => {
        let text = $foreign.transcript();
        insta::with_settings!({filters => foreign_filters(), omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!($name, text);
        })
    };
}

#[test]
fn kubectl_creates_every_kind_that_it_has_a_command_for() {
    let Some(mut foreign) = Foreign::start("kubectl-create") else { return };
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
    let Some(mut foreign) = Foreign::start("kubectl-apply") else { return };
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
        kubectl get deploy web --subresource=scale
        kubectl replace -f web.yaml
        kubectl explain deploy.spec.strategy.type
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
    let Some(mut foreign) = Foreign::start("kubectl-rollout") else { return };
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
        kubectl run one --image=example:1 --restart=Never
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
    let Some(mut foreign) = Foreign::start("kubectl-access") else { return };
    foreign.run_all(
        "
        kubectl auth whoami
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
        kubectl get --raw /metrics
        kubectl api-versions | grep -c /
        kubectl api-resources --api-group=autoscaling
        kubectl get events.v1.events.k8s.io
        kubectl run one --image=example:1
        kubectl wait --for=condition=Ready pod/one --timeout=30s
        kubectl exec one -- ls
        kubectl cp one:/file file
        kubectl port-forward one 8080:80
        kubectl top pods
        kubectl debug one --image=example:1 --container=d
        kubectl get pod one -o jsonpath='{.spec.ephemeralContainers[0].name}'
        kubectl delete pod one --now
        kubectl cluster-info
        ",
    );
    transcript!("kubectl-5-access", foreign);
}
