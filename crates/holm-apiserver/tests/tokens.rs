//! Tokens of service accounts: who has one is that account, until it expires or what it belongs to is gone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use holm_apiserver::{ApiServer, Clock, Timestamp, User};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenReview};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

async fn token(cluster: &ApiServer, spec: Value) -> String {
    let accounts: Api<ServiceAccount> = Api::default_namespaced(cluster.client());
    let request: TokenRequest = from(json!({"spec": spec, "metadata": {}}));
    let made = accounts.create_token_request("robot", &PostParams::default(), &request).await.unwrap();
    made.status.unwrap().token.unwrap()
}

async fn cluster(clock: &Clock) -> ApiServer {
    let cluster = ApiServer::builder().clock(clock.clone()).build().unwrap();
    let accounts: Api<ServiceAccount> = Api::default_namespaced(cluster.client());
    accounts.create(&PostParams::default(), &from(json!({"metadata": {"name": "robot"}}))).await.unwrap();
    cluster
}

#[tokio::test]
async fn a_token_is_good_until_it_expires() {
    let clock = Clock::held_at(Timestamp(1_000_000));
    let cluster = cluster(&clock).await;
    let token = token(&cluster, json!({"audiences": [], "expirationSeconds": 600})).await;
    let user = cluster.user_of(&token).unwrap();
    assert_eq!(user.name, "system:serviceaccount:default:robot");
    assert!(user.groups.contains(&"system:serviceaccounts:default".to_owned()));
    clock.advance(Duration::from_secs(599));
    assert!(cluster.user_of(&token).is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(cluster.user_of(&token), None);
}

#[tokio::test]
async fn a_token_is_nobodys_when_its_account_is_another_one_or_it_was_changed() {
    let clock = Clock::held_at(Timestamp(1_000_000));
    let cluster = cluster(&clock).await;
    let token = token(&cluster, json!({"audiences": []})).await;
    let changed = token.replacen('e', "f", 1);
    assert_ne!(changed, token);
    assert_eq!(cluster.user_of(&changed), None);
    let accounts: Api<ServiceAccount> = Api::default_namespaced(cluster.client());
    accounts.delete("robot", &DeleteParams::default()).await.unwrap();
    accounts.create(&PostParams::default(), &from(json!({"metadata": {"name": "robot"}}))).await.unwrap();
    assert_eq!(cluster.user_of(&token), None, "the new account has another uid");
}

#[tokio::test]
async fn a_bound_token_goes_with_its_object_and_one_for_others_is_not_for_us() {
    let cluster = cluster(&Clock::held_at(Timestamp(1_000_000))).await;
    let secrets: Api<Secret> = Api::default_namespaced(cluster.client());
    secrets.create(&PostParams::default(), &from(json!({"metadata": {"name": "s"}}))).await.unwrap();
    let bound = json!({"audiences": [], "boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "s"}});
    let token_of_secret = token(&cluster, bound).await;
    assert!(cluster.user_of(&token_of_secret).is_some());
    secrets.delete("s", &DeleteParams::default()).await.unwrap();
    assert_eq!(cluster.user_of(&token_of_secret), None);

    let for_others = token(&cluster, json!({"audiences": ["vault"]})).await;
    assert_eq!(cluster.user_of(&for_others), None);
    let reviews: Api<TokenReview> = Api::all(cluster.client());
    let review = |spec: Value| from::<TokenReview>(json!({"metadata": {}, "spec": spec}));
    let asked = review(json!({"token": for_others, "audiences": ["vault", "x"]}));
    let answer = reviews.create(&PostParams::default(), &asked).await.unwrap().status.unwrap();
    assert_eq!(answer.audiences, Some(vec!["vault".to_owned()]));
    let asked = review(json!({"token": for_others}));
    let answer = reviews.create(&PostParams::default(), &asked).await.unwrap().status.unwrap();
    assert_ne!(answer.authenticated, Some(true));
}

#[tokio::test]
async fn the_listener_takes_tokens_and_rights_decide() {
    let cluster = cluster(&Clock::system()).await;
    let listener = cluster.listen(0).await.unwrap();
    let token = token(&cluster, json!({"audiences": []})).await;
    let kubeconfig: kube::config::Kubeconfig = from(listener.kubeconfig());
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    config.auth_info.token = Some(token.into());
    let pods: Api<Pod> = Api::default_namespaced(kube::Client::try_from(config).unwrap());
    let kube::Error::Api(refused) = pods.list(&ListParams::default()).await.unwrap_err() else { panic!("no refusal") };
    assert_eq!(
        refused.message,
        "pods is forbidden: User \"system:serviceaccount:default:robot\" cannot list resource \"pods\" in API group \"\" in \
         the namespace \"default\""
    );
    let bindings: Api<RoleBinding> = Api::default_namespaced(cluster.client());
    let binding = json!({
        "metadata": {"name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "robot"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    });
    bindings.create(&PostParams::default(), &from(binding)).await.unwrap();
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
    let last = cluster.audit().since(0).pop().unwrap();
    assert_eq!((last.user.name.as_str(), last.code), ("system:serviceaccount:default:robot", 200));
}

#[tokio::test]
async fn a_client_in_process_can_be_anybody() {
    let cluster = ApiServer::new().unwrap();
    let pods: Api<Pod> = Api::default_namespaced(cluster.client_as(User::named("joe")));
    assert!(pods.list(&ListParams::default()).await.is_err());
    let pods: Api<Pod> = Api::default_namespaced(cluster.client_as(User::named("joe").in_group("system:masters")));
    assert!(pods.list(&ListParams::default()).await.is_ok());
}
