//! The hash of a pod template, which names what is made from it.
//!
//! Kubernetes hashes a dump of a Go structure (`pkg/controller/controller_utils.go`, `ComputeHash`). Nobody else can make the same
//! numbers; these are as stable, and look the same.

use serde_json::Value;

const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a template, other for each number of collisions that were seen.
pub(crate) fn of(template: &Value, collisions: Option<i64>) -> String {
    let mut hash = Fnv(0x811C_9DC5);
    hash.value(template);
    if let Some(collisions) = collisions {
        hash.bytes(&collisions.to_le_bytes());
    }
    safe(&hash.0.to_string())
}

/// From `k8s.io/apimachinery`, `pkg/util/rand/rand.go` (`SafeEncodeString`): letters that make no words.
fn safe(text: &str) -> String {
    let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().map_or('b', char::from);
    text.bytes().map(letter).collect()
}

/// The 32-bit FNV-1a hash.
struct Fnv(u32);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                self.bytes(b"{");
                let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
                sorted.sort_by_key(|(name, _)| *name);
                for (name, value) in sorted {
                    self.bytes(name.as_bytes());
                    self.bytes(b":");
                    self.value(value);
                }
                self.bytes(b"}");
            }
            Value::Array(items) => {
                self.bytes(b"[");
                items.iter().for_each(|item| self.value(item));
                self.bytes(b"]");
            }
            other => self.bytes(other.to_string().as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_follows_the_template_and_the_collisions() {
        let template = json!({"spec": {"containers": [{"name": "a", "image": "b"}]}});
        let hash = of(&template, None);
        assert_eq!(hash, of(&template.clone(), None));
        assert_ne!(hash, of(&template, Some(1)));
        assert_ne!(hash, of(&json!({"spec": {}}), None));
        assert!(hash.bytes().all(|byte| ALPHABET.contains(&byte)) && hash.len() <= 10, "{hash}");
    }
}
