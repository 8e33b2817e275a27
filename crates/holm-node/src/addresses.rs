//! The addresses of pods.

use std::collections::HashSet;

/// Addresses of a network of 65,536, of which the first two and the last are not given away.
#[derive(Debug)]
pub(crate) struct Addresses {
    network: [u8; 2],
    taken: HashSet<u16>,
    last: u16,
}

impl Addresses {
    pub(crate) fn new(network: [u8; 2]) -> Self {
        Self { network, taken: HashSet::new(), last: 1 }
    }

    /// An address that nobody has. When all are taken, addresses are given twice.
    pub(crate) fn next(&mut self) -> String {
        for _ in 0..=u16::MAX {
            self.last = if self.last >= u16::MAX - 1 { 2 } else { self.last + 1 };
            if self.taken.insert(self.last) {
                break;
            }
        }
        let [third, fourth] = self.last.to_be_bytes();
        format!("{}.{}.{third}.{fourth}", self.network[0], self.network[1])
    }

    /// Marks an address of this network as taken.
    pub(crate) fn take(&mut self, address: &str) {
        if let Some(host) = self.host(address) {
            self.taken.insert(host);
        }
    }

    /// Gives an address back.
    pub(crate) fn release(&mut self, address: &str) {
        if let Some(host) = self.host(address) {
            self.taken.remove(&host);
        }
    }

    fn host(&self, address: &str) -> Option<u16> {
        let [first, second, third, fourth] = address.parse::<std::net::Ipv4Addr>().ok()?.octets();
        ([first, second] == self.network).then(|| u16::from_be_bytes([third, fourth]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_once_until_it_comes_back() {
        let mut addresses = Addresses::new([10, 244]);
        addresses.take("10.244.0.3");
        addresses.take("10.1.0.4");
        let given: Vec<String> = (0..3).map(|_| addresses.next()).collect();
        assert_eq!(given, ["10.244.0.2", "10.244.0.4", "10.244.0.5"]);
        addresses.release("10.244.0.4");
        assert!((0..65_532).map(|_| addresses.next()).any(|address| address == "10.244.0.4"));
    }
}
