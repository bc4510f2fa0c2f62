//! A write-ahead log that is written in one go.
//!
//! SQLite hands each changed page of a commit to the system by two writes of its own, some forty for one record. Here they are gathered
//! and given to the system when the commit is whole, before SQLite tells anybody of it. This is SQLite's own way to its files in all
//! else: only files that are opened as a log are wrapped.
//!
//! A log that begins anew is cut to nothing before its first page. SQLite would write over the old pages and wait for the disk in between,
//! with the write lock held, so that no old page is ever taken for one of the new log. Of what was cut off, no file system shows anything
//! again. At this point all of it is in the database and on the disk, so an empty log is as good a state as a whole one.
//!
//! It holds for connections that never write pages of an unfinished transaction (`PRAGMA cache_spill = OFF`): else what is gathered
//! could be of a transaction that was rolled back.
use std::ffi::{CStr, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::OnceLock;

use rusqlite::ffi;

/// The name to open databases with.
pub const NAME: &CStr = c"zsh-tool";

/// What SQLite writes before each page: its number, the size of the database if it is the last one of a commit, salts and a checksum.
const FRAME_HEADER: usize = 24;
/// What SQLite writes first into a log.
const LOG_HEADER: usize = 32;
/// Touched when the log is opened, which is before anybody waits for a commit.
const USUAL: usize = 128 << 10;
/// SQLite's own way to its files takes no more than this at once: of a longer write it looks at the lowest 17 bits of the length only.
const LONGEST_WRITE: usize = 64 << 10;
/// So much is written without waiting for the rest.
const MOST: usize = 1 << 20;

/// A log as SQLite sees it. The real file lies behind it.
#[repr(C)]
struct Log {
    base: ffi::sqlite3_file,
    gathered: *mut Gathered,
}

/// Writes that the system has not got yet. They stand side by side.
#[derive(Default)]
struct Gathered {
    offset: i64,
    bytes: Vec<u8>,
    /// The page that comes next is the last one of a commit.
    is_last: bool,
    /// The log was cut to nothing, and has no page yet.
    is_anew: bool,
}

impl Gathered {
    fn end(&self) -> i64 {
        self.offset + i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }

    /// Takes a write that continues the ones before. True when they are to be given to the system now.
    fn add(&mut self, bytes: &[u8], offset: i64) -> bool {
        if self.bytes.is_empty() {
            self.offset = offset;
        }
        self.bytes.extend_from_slice(bytes);
        self.is_anew &= bytes.len() == LOG_HEADER;
        if bytes.len() == FRAME_HEADER {
            let size = bytes.get(4..8).unwrap_or_default();
            self.is_last = size.iter().any(|byte| *byte != 0);
            return false;
        }
        std::mem::take(&mut self.is_last) || self.bytes.len() > MOST
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: None,
    xUnlock: None,
    xCheckReservedLock: None,
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Makes the way known to SQLite. None where it does not work: then its usual way is to be taken.
#[must_use]
pub fn name() -> Option<&'static CStr> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    KNOWN.get_or_init(register).then_some(NAME)
}

fn register() -> bool {
    // SAFETY: a null name asks for the usual one; SQLite initialises itself first.
    let usual = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if usual.is_null() {
        return false;
    }
    // SAFETY: not null, and SQLite keeps it for as long as the process lives.
    let mut ours = unsafe { *usual };
    let Ok(head) = c_int::try_from(size_of::<Log>()) else {
        return false;
    };
    ours.szOsFile += head;
    ours.pNext = ptr::null_mut();
    ours.zName = NAME.as_ptr();
    ours.pAppData = usual.cast();
    ours.xOpen = Some(open);
    // SAFETY: the structure is complete and lives for ever; SQLite alone writes to it from here on.
    let result = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 0) };
    result == ffi::SQLITE_OK
}

unsafe extern "C" fn open(
    ours: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over the structure that `register` made.
    let usual: *mut ffi::sqlite3_vfs = unsafe { *ours }.pAppData.cast();
    // SAFETY: `register` has put SQLite's own one there.
    let Some(open) = (unsafe { *usual }).xOpen else {
        return ffi::SQLITE_CANTOPEN;
    };
    if flags & ffi::SQLITE_OPEN_WAL == 0 {
        // SAFETY: as SQLite itself would call it; there is more room behind `file` than it needs.
        return unsafe { open(usual, path, file, flags, flags_out) };
    }
    let log: *mut Log = file.cast();
    // SAFETY: as above, with the room behind our head, which `szOsFile` counts.
    let result = unsafe { open(usual, path, real(file), flags, flags_out) };
    let (methods, gathered) = if result == ffi::SQLITE_OK {
        let mut gathered = Box::<Gathered>::default();
        gathered.bytes.resize(USUAL, 0);
        gathered.bytes.clear();
        (&raw const METHODS, Box::into_raw(gathered))
    } else {
        (ptr::null(), ptr::null_mut())
    };
    let base = ffi::sqlite3_file { pMethods: methods };
    // SAFETY: SQLite gives room for at least our head, suitably aligned.
    unsafe { log.write(Log { base, gathered }) };
    result
}

/// The real file behind our head.
fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // No access: only the address behind the head, which is within what SQLite allocated.
    file.cast::<Log>().wrapping_add(1).cast()
}

/// What SQLite's own methods for the real file are.
fn methods(file: *mut ffi::sqlite3_file) -> &'static ffi::sqlite3_io_methods {
    // SAFETY: called only for a log that `open` has opened, so the real file behind it is open too.
    let methods = unsafe { (*real(file)).pMethods };
    // SAFETY: SQLite's tables of methods are constants.
    unsafe { &*methods }
}

/// What is gathered for this log. Each caller drops it before the next one asks.
fn gathered<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Gathered {
    // SAFETY: called only for a log that `open` has opened; a connection is used by one thread at a time.
    let gathered = unsafe { (*file.cast::<Log>()).gathered };
    // SAFETY: made by `open` and freed by `close` only.
    unsafe { &mut *gathered }
}

/// Gives the system what is gathered.
fn flush(file: *mut ffi::sqlite3_file) -> c_int {
    let gathered = gathered(file);
    let Some(write) = methods(file).xWrite else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    let (mut result, mut offset) = (ffi::SQLITE_OK, gathered.offset);
    for part in gathered.bytes.chunks(LONGEST_WRITE) {
        let length = c_int::try_from(part.len()).unwrap_or(0);
        // SAFETY: `part` lives in `gathered`, which nothing changes during the call.
        result = unsafe { write(real(file), part.as_ptr().cast(), length, offset) };
        if result != ffi::SQLITE_OK {
            break;
        }
        offset += i64::from(length);
    }
    // What could not be written is lost with the commit that is told so.
    gathered.bytes.clear();
    gathered.is_last = false;
    result
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: SQLite says where its bytes are and how many.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) };
    let waiting = gathered(file);
    if !waiting.bytes.is_empty() && waiting.end() != offset {
        let result = flush(file);
        if result != ffi::SQLITE_OK {
            return result;
        }
    }
    if offset == 0 && length == LOG_HEADER {
        gathered(file).is_anew = cut(file) == Some(ffi::SQLITE_OK);
    }
    if gathered(file).add(bytes, offset) {
        flush(file)
    } else {
        ffi::SQLITE_OK
    }
}

/// Cuts the file to nothing.
fn cut(file: *mut ffi::sqlite3_file) -> Option<c_int> {
    // SAFETY: the real file is open.
    methods(file)
        .xTruncate
        .map(|truncate| unsafe { truncate(real(file), 0) })
}

/// Flushes, and then lets the real file do the rest.
fn after_flush(
    file: *mut ffi::sqlite3_file,
    act: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> Option<c_int>,
) -> c_int {
    match flush(file) {
        ffi::SQLITE_OK => act(methods(file), real(file)).unwrap_or(ffi::SQLITE_NOTFOUND),
        failed => failed,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let flushed = flush(file);
    // SAFETY: `open` made it of a box, and no method is called after this one.
    drop(unsafe { Box::from_raw(gathered(file)) });
    // SAFETY: the real file is open; this is its one close.
    let closed = methods(file)
        .xClose
        .map(|close| unsafe { close(real(file)) });
    if flushed == ffi::SQLITE_OK {
        closed.unwrap_or(ffi::SQLITE_OK)
    } else {
        flushed
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: what SQLite asked of us, asked of the real file.
    after_flush(file, |m, real| {
        // SAFETY: what SQLite asked of us, asked of the real file.
        m.xRead.map(|f| unsafe { f(real, bytes, length, offset) })
    })
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: as above.
    after_flush(file, |m, real| {
        // SAFETY: what SQLite asked of us, asked of the real file.
        m.xTruncate.map(|f| unsafe { f(real, size) })
    })
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    if gathered(file).is_anew {
        // Nothing is there that could be mistaken for what follows.
        return ffi::SQLITE_OK;
    }
    // SAFETY: as above.
    after_flush(file, |m, real| m.xSync.map(|f| unsafe { f(real, flags) }))
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: as above.
    after_flush(file, |m, real| {
        // SAFETY: what SQLite asked of us, asked of the real file.
        m.xFileSize.map(|f| unsafe { f(real, size) })
    })
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: as above.
    after_flush(file, |m, real| {
        // SAFETY: what SQLite asked of us, asked of the real file.
        m.xFileControl.map(|f| unsafe { f(real, what, argument) })
    })
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as above.
    methods(file)
        .xSectorSize
        // SAFETY: what SQLite asked of us, asked of the real file.
        .map_or(0, |f| unsafe { f(real(file)) })
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as above.
    methods(file)
        .xDeviceCharacteristics
        // SAFETY: what SQLite asked of us, asked of the real file.
        .map_or(0, |f| unsafe { f(real(file)) })
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
        assert!(!gathered.add(&head(0), 32));
        assert!(!gathered.add(&page, 56));
        assert!(!gathered.add(&head(9), 4152));
        assert!(gathered.add(&page, 4176));
        assert_eq!((gathered.offset, gathered.end()), (32, 8272));
        assert!(!gathered.is_last);
    }

    #[test]
    fn a_log_is_anew_until_its_first_page() {
        let mut gathered = Gathered {
            is_anew: true,
            ..Gathered::default()
        };
        assert!(!gathered.add(&[1; LOG_HEADER], 0));
        assert!(gathered.is_anew);
        assert!(!gathered.add(&head(1), 32));
        assert!(!gathered.is_anew);
    }

    #[test]
    fn a_flood_of_pages_does_not_stay_in_memory() {
        let mut gathered = Gathered::default();
        let written = (0..1_000).any(|_| {
            let _header = gathered.add(&head(0), 0);
            gathered.add(&[0; 4096], 0)
        });
        assert!(written && gathered.bytes.len() <= MOST + 4096);
    }
}
