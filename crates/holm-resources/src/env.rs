//! Where a container's environment variables come from.

use holm_core::{Input, Name, Ref, Sensitive};
use k8s_openapi::api::core::v1 as core;

use crate::kind;

/// Where the value of one environment variable comes from.
///
/// Text, numbers, booleans, [`Input`]s and keys of Secrets and ConfigMaps ([`Keyed::key`](crate::Keyed::key)) turn into it by
/// themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvSource(pub(crate) Source);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Value(Input),
    From(Box<core::EnvVarSource>),
}

impl EnvSource {
    /// A field of the pod, such as `status.podIP` or `metadata.name`.
    pub fn field(path: &str) -> Self {
        let field = core::ObjectFieldSelector { field_path: path.to_owned(), ..core::ObjectFieldSelector::default() };
        Self::from_source(core::EnvVarSource { field_ref: Some(field), ..core::EnvVarSource::default() })
    }

    /// A request or limit of the container, such as `limits.memory`, in bytes or in cores rounded up.
    pub fn resource(name: &str) -> Self {
        let field = core::ResourceFieldSelector { resource: name.to_owned(), ..core::ResourceFieldSelector::default() };
        Self::from_source(core::EnvVarSource { resource_field_ref: Some(field), ..core::EnvVarSource::default() })
    }

    fn from_source(source: core::EnvVarSource) -> Self {
        Self(Source::From(Box::new(source)))
    }
}

/// A key of a Secret, from [`Keyed::key`](crate::Keyed::key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) optional: Option<bool>,
}

impl SecretKey {
    /// The pod starts without the variable when the Secret or the key is missing.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = Some(true);
        self
    }
}

/// A key of a ConfigMap, from [`Keyed::key`](crate::Keyed::key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigKey {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) optional: Option<bool>,
}

impl ConfigKey {
    /// The pod starts without the variable when the ConfigMap or the key is missing.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = Some(true);
        self
    }
}

impl From<SecretKey> for EnvSource {
    fn from(key: SecretKey) -> Self {
        let selector = core::SecretKeySelector { name: key.name, key: key.key, optional: key.optional };
        Self::from_source(core::EnvVarSource { secret_key_ref: Some(selector), ..core::EnvVarSource::default() })
    }
}

impl From<&SecretKey> for EnvSource {
    fn from(key: &SecretKey) -> Self {
        key.clone().into()
    }
}

impl From<ConfigKey> for EnvSource {
    fn from(key: ConfigKey) -> Self {
        let selector = core::ConfigMapKeySelector { name: key.name, key: key.key, optional: key.optional };
        Self::from_source(core::EnvVarSource { config_map_key_ref: Some(selector), ..core::EnvVarSource::default() })
    }
}

impl From<&ConfigKey> for EnvSource {
    fn from(key: &ConfigKey) -> Self {
        key.clone().into()
    }
}

/// Everything that turns into an [`Input`].
macro_rules! from_inputs {
    ($($type:ty)*) => {$(
        impl From<$type> for EnvSource {
            fn from(value: $type) -> Self {
                Self(Source::Value(value.into()))
            }
        }
    )*};
}

from_inputs!(&str &&str String &String Input &Input Name &Name Sensitive<String> &Sensitive<String>);
from_inputs!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// What all the variables of a container may come from at once: a Secret or a ConfigMap.
#[diagnostic::on_unimplemented(
    message = "environment variables cannot come from a `{Self}`",
    label = "not a reference to a Secret or a ConfigMap",
    note = "add the Secret or ConfigMap to the stack first, and pass a reference to what `stack.add` returns"
)]
pub trait EnvFrom {
    #[doc(hidden)]
    fn source(&self) -> core::EnvFromSource;
}

impl EnvFrom for Ref<kind::Secret> {
    fn source(&self) -> core::EnvFromSource {
        let source = core::SecretEnvSource { name: self.name().to_string(), ..core::SecretEnvSource::default() };
        core::EnvFromSource { secret_ref: Some(source), ..core::EnvFromSource::default() }
    }
}

impl EnvFrom for Ref<kind::ConfigMap> {
    fn source(&self) -> core::EnvFromSource {
        let source = core::ConfigMapEnvSource { name: self.name().to_string(), ..core::ConfigMapEnvSource::default() };
        core::EnvFromSource { config_map_ref: Some(source), ..core::EnvFromSource::default() }
    }
}
