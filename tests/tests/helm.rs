//! Helm works with the embedded cluster as with a real one: a chart is installed, upgraded, rolled back, tested and uninstalled,
//! and every transcript is what a person sees, on either cluster.

use holm_e2e::{Foreign, Tool, transcript};

/// A cluster, and the chart `shop` in the folder where the lines are typed.
fn with_chart(name: &str) -> Foreign {
    let foreign = Foreign::start(name, &[Tool::Helm, Tool::Kubectl]);
    foreign.copy_data("charts/shop");
    foreign
}

#[test]
fn helm_installs_upgrades_rolls_back_tests_and_uninstalls_a_chart() {
    let mut foreign = with_chart("helm-release");
    foreign.run_all(
        "
        helm lint shop
        helm install shop shop --wait --timeout 60s --set replicas=1
        helm list
        helm status shop | grep -v '^LAST DEPLOYED' | grep -E '^[A-Z]|^==>' | sort
        kubectl get deploy,svc,ingress,role,rolebinding,sa,cm -l app.kubernetes.io/instance=shop
        kubectl get secret shop-shop -o jsonpath='{.data.password}' > first
        helm test shop --timeout 60s
        kubectl get pod shop-shop-answers
        helm upgrade shop shop --wait --timeout 60s --set replicas=3,greeting=welcome,autoscaling.enabled=true
        kubectl wait deploy/shop-shop --for=jsonpath={.status.availableReplicas}=3 --timeout=60s
        kubectl get deploy shop-shop
        kubectl get hpa shop-shop -o jsonpath='{.spec.minReplicas} {.spec.maxReplicas} {.spec.scaleTargetRef.name}'
        kubectl get jobs
        kubectl get cm shop-shop -o jsonpath='{.data}'
        kubectl get secret shop-shop -o jsonpath='{.data.password}' | cmp - first
        helm get values shop
        helm rollback shop 1 --wait --timeout 60s
        kubectl get deploy shop-shop
        kubectl get cm shop-shop -o jsonpath='{.data}'
        kubectl get hpa
        helm history shop
        helm uninstall shop --wait --timeout 60s
        helm list
        kubectl get all,cm,secret,ingress,role,rolebinding,sa -l app.kubernetes.io/instance=shop
        kubectl get secret -l owner=helm
        ",
    );
    transcript!("helm-1-release", foreign);
}

#[test]
fn helm_takes_back_an_upgrade_that_fails_and_says_why_another_is_refused() {
    let mut foreign = with_chart("helm-failures");
    foreign.write("wrong/shop.yaml", "service: {type: Nonsense}\n");
    foreign.run_all(
        "
        helm install shop shop --wait --timeout 60s --set replicas=1,migration.enabled=false
        helm install shop shop --set replicas=1
        helm upgrade shop shop --rollback-on-failure --timeout 6s --set image.tag=does-not-exist,migration.enabled=false
        kubectl rollout status deploy/shop-shop --timeout=30s | tail -1
        kubectl get deploy shop-shop -o jsonpath='{.spec.template.spec.containers[0].image}'
        helm history shop
        helm upgrade shop shop -f wrong/shop.yaml --set migration.enabled=false
        helm upgrade shop shop --timeout 60s --set image.tag=job-fail
        helm status shop | grep ^STATUS
        helm upgrade shop shop --dry-run=server --set migration.enabled=false,replicas=2 | grep -c replicas
        kubectl create ns other
        helm install shop shop --namespace other --wait --timeout 60s
        helm list --all-namespaces | sort
        kubectl create configmap taken-shop
        helm install taken shop
        helm uninstall nosuch
        helm uninstall shop --wait --timeout 60s
        ",
    );
    transcript!("helm-2-failures", foreign);
}
