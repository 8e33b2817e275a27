//! The encoding of protobuf: numbered fields, each a number or a length of bytes.

/// Reads the fields of a message.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'b> {
    Number(u64),
    /// Eight bytes that may be a number with a point.
    Fixed(u64),
    Bytes(&'b [u8]),
}

const CUT: &str = "it ends in the middle";

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// The next field and its number.
    pub fn next(&mut self) -> Result<Option<(u64, Content<'b>)>, &'static str> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let content = match key & 7 {
            0 => Content::Number(self.varint()?),
            1 => Content::Fixed(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| CUT)?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
                Content::Bytes(self.take(length)?)
            }
            5 => Content::Fixed(u64::from(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| CUT)?))),
            _ => return Err("a field has an unknown form"),
        };
        Ok(Some((key >> 3, content)))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], &'static str> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(CUT)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(CUT)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long")
    }
}

impl<'b> Content<'b> {
    pub fn bytes(self) -> Result<&'b [u8], &'static str> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a field is a number and should not be one"),
        }
    }

    /// A text; what is no UTF-8 is replaced, as a Go program does when it writes JSON.
    pub fn text(self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        }
    }

    /// A number; negative ones are written as their complement. A number that is zero may be left out of a map's entry.
    pub fn integer(self) -> Result<i64, &'static str> {
        match self {
            Self::Number(number) | Self::Fixed(number) => Ok(number.cast_signed()),
            Self::Bytes([]) => Ok(0),
            Self::Bytes(_) => Err("a field is no number and should be one"),
        }
    }

    pub fn double(self) -> Result<f64, &'static str> {
        match self {
            Self::Fixed(bits) => Ok(f64::from_bits(bits)),
            _ => Err("a field is no number with a point and should be one"),
        }
    }
}
