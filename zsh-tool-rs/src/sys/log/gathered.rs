//! What SQLite has written to its log and the system has not got yet.

/// What SQLite writes before each page: its number, the size of the database if it is the last one of a commit, salts and a checksum.
const FRAME_HEADER: usize = 24;
/// What SQLite writes first into a log.
pub const LOG_HEADER: usize = 32;
/// So much is written without waiting for the rest.
const MOST: usize = 1 << 20;

/// When the system is to get what is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// With what follows.
    Later,
    /// At once, and more of the same commit follows.
    Now,
    /// At once: a commit is whole.
    Committed,
}

/// Writes that the system has not got yet. They stand side by side.
#[derive(Default)]
pub struct Gathered {
    pub offset: i64,
    pub bytes: Vec<u8>,
    /// The page that comes next is the last one of a commit.
    pub is_last: bool,
    /// The log was cut to nothing, and has no page yet.
    pub is_anew: bool,
    /// Where the last commit ended.
    pub end: Option<i64>,
    /// How far the next commit is to write zeros behind itself.
    pub room: Option<i64>,
}

impl Gathered {
    /// Where they end.
    pub fn end(&self) -> i64 {
        self.offset + i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }

    /// Takes a write that continues the ones before, and says when they are to be given to the system.
    pub fn add(&mut self, bytes: &[u8], offset: i64) -> Due {
        if self.bytes.is_empty() {
            self.offset = offset;
        }
        self.bytes.extend_from_slice(bytes);
        self.is_anew &= bytes.len() == LOG_HEADER;
        if bytes.len() == FRAME_HEADER {
            let size = bytes.get(4..8).unwrap_or_default();
            self.is_last = size.iter().any(|byte| *byte != 0);
            return Due::Later;
        }
        if std::mem::take(&mut self.is_last) {
            Due::Committed
        } else if self.bytes.len() > MOST {
            Due::Now
        } else {
            Due::Later
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u32) -> [u8; FRAME_HEADER] {
        let mut head = [0; FRAME_HEADER];
        head[4..8].copy_from_slice(&size.to_be_bytes());
        head
    }

    #[test]
    fn a_commit_is_whole_with_the_page_behind_its_last_header() {
        let mut gathered = Gathered::default();
        let page = [7; 4096];
        assert_eq!(gathered.add(&head(0), 32), Due::Later);
        assert_eq!(gathered.add(&page, 56), Due::Later);
        assert_eq!(gathered.add(&head(9), 4152), Due::Later);
        assert_eq!(gathered.add(&page, 4176), Due::Committed);
        assert_eq!((gathered.offset, gathered.end()), (32, 8272));
        assert!(!gathered.is_last);
    }

    #[test]
    fn a_log_is_anew_until_its_first_page() {
        let mut gathered = Gathered {
            is_anew: true,
            ..Gathered::default()
        };
        gathered.add(&[1; LOG_HEADER], 0);
        assert!(gathered.is_anew);
        gathered.add(&head(1), 32);
        assert!(!gathered.is_anew);
    }

    #[test]
    fn a_flood_of_pages_does_not_stay_in_memory() {
        let mut gathered = Gathered::default();
        let written = (0..1_000).any(|_| {
            let _header = gathered.add(&head(0), 0);
            gathered.add(&[0; 4096], 0) == Due::Now
        });
        assert!(written && gathered.bytes.len() <= MOST + 4096);
    }
}
