//! Names and uids that nobody has yet.

/// A source of numbers that look random (SplitMix64). Given the same seed it gives the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Seeded by the operating system, or by the clock should that have no randomness.
    pub fn from_system() -> Self {
        let mut seed = [0; 8];
        let seeded = getrandom::fill(&mut seed).is_ok();
        let clock = || std::time::SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_nanos()).unwrap_or_default();
        // The low bits of the nanoseconds are the ones that differ.
        #[allow(clippy::cast_possible_truncation)]
        Self::seeded(if seeded { u64::from_le_bytes(seed) } else { clock() as u64 })
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A uid in the form of a random UUID (RFC 9562, version 4).
    pub fn uid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// Text from the alphabet that generated names use: no vowels, nothing that looks like something else.
    pub fn suffix(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length)
            .map(|_| {
                let position = usize::try_from(self.next() % ALPHABET.len() as u64).unwrap_or_default();
                ALPHABET.get(position).copied().map_or('x', char::from)
            })
            .collect()
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit.max(1))).unwrap_or_default()
    }
}
