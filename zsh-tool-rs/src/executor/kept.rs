//! What is kept of a command's output: a private file with its beginning and a ring of its end, and an index of its lines.
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::sys::words::SharedWords;

/// Kept from the beginning.
const HEAD: u64 = 16 << 20;
/// Kept from the end.
const RING: u64 = 48 << 20;
/// One word of the index stands for so many bytes of the file.
const SLOT: u64 = 64 << 10;
const SLOTS: usize = 1024;
const MAGIC: u64 = u64::from_le_bytes(*b"ZSHTIDX1");

const WORD_MAGIC: usize = 0;
const WORD_TOTAL: usize = 1;
const WORD_NEWLINES: usize = 2;
const WORD_GENERATION: usize = 3;
const WORD_SLOTS: usize = 4;
const WORDS: usize = WORD_SLOTS + SLOTS;

/// The kept output of one task. What is in the files survives us.
#[derive(Debug)]
pub struct Kept {
    file: File,
    index: SharedWords,
    total: u64,
    newlines: u64,
    generation: u64,
}

/// Where in the file the byte at `offset` of the output stands.
fn place(offset: u64) -> u64 {
    if offset < HEAD {
        offset
    } else {
        HEAD + (offset - HEAD) % RING
    }
}

/// The first offset at or after `offset` that is still kept.
fn nearest_kept(offset: u64, total: u64) -> u64 {
    let ring_start = total.saturating_sub(RING).max(HEAD);
    if offset >= HEAD && offset < ring_start {
        ring_start
    } else {
        offset.min(total)
    }
}

/// How many bytes from `offset` on stand side by side in the file.
fn run_length(offset: u64) -> u64 {
    if offset < HEAD {
        HEAD - offset
    } else {
        RING - (offset - HEAD) % RING
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

impl Kept {
    /// Makes `output` and `index` in the task's directory.
    ///
    /// # Errors
    /// When they cannot be made, as on a full disk.
    pub fn create(directory: &Path) -> io::Result<Kept> {
        let file = private_file(&directory.join("output"))?;
        let index_file = private_file(&directory.join("index"))?;
        index_file.write_all_at(&vec![0; WORDS * 8], 0)?;
        let index = SharedWords::map(&index_file, WORDS)?;
        index.set(WORD_MAGIC, MAGIC);
        Ok(Kept {
            file,
            index,
            total: 0,
            newlines: 0,
            generation: 0,
        })
    }

    /// Takes the files away again, when there will be no output.
    pub fn discard(self, directory: &Path) {
        for name in ["output", "index"] {
            // The directory may be gone already, with all that was in it.
            let _gone = std::fs::remove_file(directory.join(name));
        }
    }

    /// All newlines seen.
    #[must_use]
    pub fn newlines(&self) -> u64 {
        self.newlines
    }

    /// Adds a block at the end.
    ///
    /// # Errors
    /// What the file system says. The block is then lost, and nothing more should be added.
    pub fn append(&mut self, block: &[u8]) -> io::Result<()> {
        self.index.set(WORD_GENERATION, self.generation + 1);
        let mut rest = block;
        while !rest.is_empty() {
            let room = usize::try_from(run_length(self.total)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.file.write_all_at(now, place(self.total))?;
            self.count(now);
            rest = later;
        }
        self.generation += 2;
        self.index.set(WORD_NEWLINES, self.newlines);
        self.index.set(WORD_TOTAL, self.total);
        self.index.set(WORD_GENERATION, self.generation);
        Ok(())
    }

    /// Moves the totals over `bytes`, which stand side by side, and fills in the slots that begin in them.
    fn count(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let position = place(self.total);
            let into_slot = position % SLOT;
            if into_slot == 0 {
                let slot = usize::try_from(position / SLOT).unwrap_or(SLOTS);
                self.index.set(WORD_SLOTS + slot, self.newlines);
            }
            let room = usize::try_from(SLOT - into_slot).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.newlines += memchr::memchr_iter(b'\n', now).count() as u64;
            self.total += now.len() as u64;
            rest = later;
        }
    }

    /// At most `limit` bytes from `offset` on, and where they really begin: what was dropped is skipped.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&self, offset: u64, limit: u64) -> io::Result<(u64, Vec<u8>)> {
        let start = nearest_kept(offset, self.total);
        let mut end = self.total.min(start.saturating_add(limit));
        if start < HEAD && nearest_kept(HEAD, self.total) > HEAD {
            // The gap is behind the head: one answer never spans it.
            end = end.min(HEAD);
        }
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
        let mut at = start;
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let room = usize::try_from(run_length(at)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_mut(room.min(rest.len()));
            self.file.read_exact_at(now, place(at))?;
            at += now.len() as u64;
            rest = later;
        }
        Ok((start, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(directory: &Path, index: usize) -> u64 {
        let bytes = std::fs::read(directory.join("index")).unwrap();
        u64::from_le_bytes(bytes[index * 8..index * 8 + 8].try_into().unwrap())
    }

    #[test]
    fn the_index_counts_lines_before_each_slot() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::create(directory.path()).unwrap();
        for _ in 0..100 {
            kept.append(&b"0123456789abcde\n".repeat(100)).unwrap();
        }
        assert_eq!(word(directory.path(), WORD_TOTAL), 160_000);
        assert_eq!(word(directory.path(), WORD_NEWLINES), 10_000);
        assert_eq!(word(directory.path(), WORD_GENERATION), 200);
        assert_eq!(word(directory.path(), WORD_SLOTS + 1), SLOT / 16);
        assert_eq!(word(directory.path(), WORD_SLOTS + 2), 2 * SLOT / 16);
        assert_eq!(
            kept.read(159_990, 100).unwrap().1,
            b"6789abcde\n"[..].to_vec()
        );
    }

    #[test]
    fn the_middle_of_a_flood_is_dropped_and_the_gap_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::create(directory.path()).unwrap();
        let block: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
        for _ in 0..80 {
            kept.append(&block).unwrap();
        }
        let total = 80 << 20;
        assert_eq!(
            kept.read(HEAD - 4, 100).unwrap(),
            (HEAD - 4, block[block.len() - 4..].to_vec())
        );
        let (start, bytes) = kept.read(HEAD, 8).unwrap();
        assert_eq!((start, &bytes[..]), (total - RING, &block[..8]));
        let across = HEAD + RING - 4;
        assert_eq!(
            kept.read(across, 8).unwrap().1,
            [&block[block.len() - 4..], &block[..4]].concat()
        );
        let length = std::fs::metadata(directory.path().join("output"))
            .unwrap()
            .len();
        assert_eq!(length, HEAD + RING);
    }
}
