//! The end of a snapshot says where its description begins, so that nobody unpacks all of it to
//! read that.
//!
//! It is a skippable frame, which every zstd decoder passes over
//! (<https://datatracker.ietf.org/doc/html/rfc8878#name-skippable-frames>).

/// The frame's magic number, one of the 16 that are reserved for skippable frames.
const SKIPPABLE: u32 = 0x184D_2A5B;
/// Any of these 16.
const ANY_SKIPPABLE: u32 = 0x184D_2A50;
/// What a frame with data begins with.
const DATA: u32 = 0xFD2F_B528;

/// How our own frame is told from others'.
const OURS: &[u8; 8] = b"korsnap\x01";

/// How long the whole frame is, in bytes: 8 of its head, 8 of our mark, 2 × 8 of numbers, 4 of
/// their checksum.
pub const LENGTH: usize = 36;

/// Where the frame with the description is, in bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

impl Tail {
    /// The frame.
    pub fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0..4].copy_from_slice(&SKIPPABLE.to_le_bytes());
        bytes[4..8].copy_from_slice(&(LENGTH as u32 - 8).to_le_bytes());
        bytes[8..16].copy_from_slice(OURS);
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.length.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What the frame says; nothing where it is not ours or not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let tail = Tail {
            offset: number(16)?,
            length: number(24)?,
        };
        (bytes == tail.to_bytes()).then_some(tail)
    }
}

/// What kind of frame begins with these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// One with data.
    Data,
    /// One that is to be skipped.
    Skippable,
}

/// The kind of the frame that begins here; nothing where none does.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    let magic = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    match magic {
        DATA => Some(Frame::Data),
        _ if magic & !0xF == ANY_SKIPPABLE => Some(Frame::Skippable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_written_and_no_bit_may_differ() {
        let tail = Tail {
            offset: 1 << 40,
            length: 777,
        };
        let bytes = tail.to_bytes();
        assert_eq!(Tail::parse(&bytes), Some(tail));
        assert_eq!(frame(&bytes), Some(Frame::Skippable));
        for bit in 0..LENGTH * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Tail::parse(&flipped), None, "bit {bit}");
        }
        assert_eq!(Tail::parse(&bytes[1..]), None);
        assert_eq!(frame(b"\x1f\x8b\x08\0"), None);
        assert_eq!(frame(b"abc"), None);
    }
}
