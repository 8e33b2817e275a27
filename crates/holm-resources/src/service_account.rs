//! Service accounts.

use holm_core::{Declaration, IntoResource, Ref};
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// Who pods are to the API server.
#[must_use = "a service account does nothing until it is added to a stack"]
pub struct ServiceAccount {
    common: Common<core::ServiceAccount>,
    account: core::ServiceAccount,
}

impl ServiceAccount {
    /// A service account without rights.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), account: core::ServiceAccount::default() }
    }

    /// Whether its pods get a token for the API server. Default: yes.
    pub fn automount_token(mut self, automount: bool) -> Self {
        self.account.automount_service_account_token = Some(automount);
        self
    }

    /// A Secret of the type `kubernetes.io/dockerconfigjson` that its pods pull images with.
    pub fn image_pull_secret(mut self, secret: &Ref<kind::Secret>) -> Self {
        let reference = core::LocalObjectReference { name: secret.name().to_string() };
        self.account.image_pull_secrets.get_or_insert_default().push(reference);
        self
    }
}

impl Builder for ServiceAccount {
    type Object = core::ServiceAccount;

    fn common(&mut self) -> &mut Common<core::ServiceAccount> {
        &mut self.common
    }
}

impl IntoResource for ServiceAccount {
    type Kind = kind::ServiceAccount;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        self.common.finish(self.account, Lowering::default())
    }
}
