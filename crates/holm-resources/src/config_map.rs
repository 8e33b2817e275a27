//! ConfigMaps.

use holm_core::{Declaration, FieldPath, Input, IntoResource};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;

use crate::builder::{Builder, Common, Lowering, keep_options};
use crate::kind;

/// Configuration that anybody in the namespace may read.
#[must_use = "a ConfigMap does nothing until it is added to a stack"]
pub struct ConfigMap {
    common: Common<core::ConfigMap>,
    entries: Vec<(String, Input)>,
    config_map: core::ConfigMap,
}

impl ConfigMap {
    /// A ConfigMap without entries.
    pub fn new(name: &str) -> Self {
        Self { common: Common::new(name), entries: Vec::new(), config_map: core::ConfigMap::default() }
    }

    /// An entry, such as a file that is read in with `include_str!`.
    pub fn entry(mut self, key: &str, value: impl Into<Input>) -> Self {
        self.entries.push((key.to_owned(), value.into()));
        self
    }

    /// An entry that is no text.
    pub fn bytes(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.config_map.binary_data.get_or_insert_default().insert(key.to_owned(), ByteString(value.into()));
        self
    }

    /// Makes it immutable: a change then needs a new object.
    pub fn immutable(mut self) -> Self {
        self.config_map.immutable = Some(true);
        self
    }
}

impl Builder for ConfigMap {
    type Object = core::ConfigMap;

    fn common(&mut self) -> &mut Common<core::ConfigMap> {
        &mut self.common
    }
}

impl IntoResource for ConfigMap {
    type Kind = kind::ConfigMap;
    keep_options!();

    fn into_declaration(self) -> Declaration {
        let mut lowering = Lowering::default();
        let data = lowering.texts(&FieldPath::of(["data"]), self.entries);
        self.common.finish(core::ConfigMap { data, ..self.config_map }, lowering)
    }
}
