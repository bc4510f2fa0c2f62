//! A small file of 64-bit words, shared with whoever reads it.
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// The words of a mapped file, little-endian. They stay in the file whatever happens to us.
#[derive(Debug)]
pub struct SharedWords {
    start: NonNull<AtomicU64>,
    count: usize,
}

impl SharedWords {
    /// Maps the first `count` words of `file`, which must be that long already: touching a hole on a full disk is fatal.
    ///
    /// # Errors
    /// What `mmap` says.
    pub fn map(file: &File, count: usize) -> io::Result<SharedWords> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let fd = file.as_raw_fd();
        // SAFETY: asks for a fresh mapping of an open file; no memory of ours is touched.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                count * 8,
                protection,
                libc::MAP_SHARED,
                fd,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(SharedWords { start, count })
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has `count` aligned words and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }

    /// Sets word `index`; one outside the file is ignored.
    pub fn set(&self, index: usize, value: u64) {
        if let Some(word) = self.words().get(index) {
            word.store(value.to_le(), Ordering::Release);
        }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what `map` mapped; nothing borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.count * 8) };
    }
}
