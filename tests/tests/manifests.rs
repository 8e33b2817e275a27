//! Public manifests as they are: no false problem, an apply, and an empty second plan. `HOLM_MANIFESTS` names a folder that has them;
//! docs/plans.md has the verdicts.

use std::path::{Path, PathBuf};

use holm_e2e::{ControlPlane, Finished, Session, yaml};
use serde_json::{Value, json};

/// What a file needs beside it: the namespace for what names none, and definitions that another file of the project has, as
/// `group/version/Kind/plural`.
struct Needs {
    file: &'static str,
    namespace: &'static str,
    definitions: &'static [&'static str],
    /// What cannot become ready where no container runs and nothing gives addresses.
    never_ready: &'static [&'static str],
}

const fn needs(file: &'static str, namespace: &'static str) -> Needs {
    Needs { file, namespace, definitions: &[], never_ready: &[] }
}

/// The files, those that others need first.
const FILES: &[Needs] = &[
    Needs { never_ready: &["APIService/v1beta1.metrics.k8s.io"], ..needs("metrics-server", "kube-system") },
    needs("argocd", "argocd"),
    needs("cert-manager", "cert-manager"),
    needs("istio-crds", "istio-system"),
    needs("h-istiod", "istio-system"),
    Needs { never_ready: &["Service/ingress-nginx-controller"], ..needs("ingress-nginx-cloud", "ingress-nginx") },
    Needs { never_ready: &["APIService/v1beta1.external.metrics.k8s.io"], ..needs("keda", "keda") },
    needs("longhorn", "longhorn-system"),
    needs("metallb", "metallb-system"),
    Needs {
        definitions: &["csi.ceph.io/v1/OperatorConfig/operatorconfigs", "csi.ceph.io/v1/Driver/drivers"],
        ..needs("rook", "rook-ceph")
    },
    needs("tekton", "tekton-pipelines"),
    Needs {
        definitions: &[
            "networking.internal.knative.dev/v1alpha1/Certificate/certificates",
            "caching.internal.knative.dev/v1alpha1/Image/images",
        ],
        ..needs("knative-serving", "knative-serving")
    },
    Needs { never_ready: &["Service/kourier"], ..needs("kourier", "kourier-system") },
    needs("h-crossplane", "crossplane-system"),
];

/// The definition of a kind with any content.
fn definition(text: &str) -> Value {
    let mut parts = text.split('/');
    let [group, version, kind, plural] = std::array::from_fn(|_| parts.next().expect("it has four parts"));
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")}, "spec": {"group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural}, "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn play(session: &Session, folder: &Path, needs: &Needs) -> Result<(), String> {
    let file = folder.join(format!("{}.yaml", needs.file));
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    for text in needs.definitions {
        session.cluster.create_if_absent(definition(text));
    }
    let declares = |object: &Value| object["kind"] == "Namespace" && object["metadata"]["name"] == needs.namespace;
    if !yaml(&text).iter().any(declares) {
        let metadata = json!({"name": needs.namespace});
        session.cluster.create_if_absent(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    }
    let run = |arguments: &[&str]| -> Finished {
        let program = session.offline("manifests", arguments).env("KUBECONFIG", &session.user.kubeconfig);
        let program = program.args(["--stack", needs.file]).config("namespace", needs.namespace).config("new", "no");
        session.run(&program.config("file", &file.to_string_lossy()))
    };
    let expect = |finished: &Finished, code: i32| {
        if finished.code == Some(code) { Ok(()) } else { Err(format!("{}: {finished}", needs.file)) }
    };
    expect(&run(&["plan"]), 0)?;
    let applied = run(&["apply", "--yes", "--adopt", "all", "--timeout", "25s"]);
    expect(&applied, i32::from(!needs.never_ready.is_empty()))?;
    for name in needs.never_ready {
        let failed = format!("creating {name}: it is not ready");
        if !applied.stderr.contains(&failed) {
            return Err(format!("{}: nothing says: {failed}\n{applied}", needs.file));
        }
    }
    expect(&run(&["plan", "--detailed-exitcode"]), 0)?;
    let thorough = run(&["plan", "--detailed-exitcode", "--thorough"]);
    // A webhook of the file itself is asked then, and there is no container that answers.
    let is_refused =
        thorough.stdout.contains("failed calling webhook") || thorough.stderr.contains("failed calling webhook");
    if is_refused { Ok(()) } else { expect(&thorough, 0) }
}

#[test]
fn public_manifests_apply_as_they_are_and_then_plan_empty() {
    let Some(folder) = std::env::var_os("HOLM_MANIFESTS").map(PathBuf::from) else { return };
    let session = Session::new(ControlPlane::shared("manifests"), "manifests");
    let wrong: Vec<String> = FILES.iter().filter_map(|needs| play(&session, &folder, needs).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
