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
//! A log whose file already has the room for a commit takes it a third faster than one that grows with it: the system has the pages at hand
//! and the places on the disk chosen. [`leave_room`] has the next commit of a connection write zeros behind itself, while it holds
//! the write lock: whoever reads the log takes them for its end.
//!
//! It holds for connections that never write pages of an unfinished transaction (`PRAGMA cache_spill = OFF`): else what is gathered
//! could be of a transaction that was rolled back.
mod gathered;

use std::ffi::{CStr, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::OnceLock;

use rusqlite::{Connection, ffi};

use gathered::{Due, Gathered, LOG_HEADER};

/// The name to open databases with.
pub const NAME: &CStr = c"zsh-tool";

/// Touched when the log is opened, which is before anybody waits for a commit.
const USUAL: usize = 128 << 10;
/// SQLite's own way to its files takes no more than this at once: of a longer write it looks at the lowest 17 bits of the length only.
const LONGEST_WRITE: usize = 64 << 10;

/// A log as SQLite sees it. The real file lies behind it.
#[repr(C)]
struct Log {
    base: ffi::sqlite3_file,
    gathered: *mut Gathered,
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

/// Gives the system the rest of a commit, and makes the room behind it that was asked for.
fn flush_commit(file: *mut ffi::sqlite3_file) -> c_int {
    let end = gathered(file).end();
    let result = flush(file);
    if result == ffi::SQLITE_OK {
        let gathered = gathered(file);
        gathered.end = Some(end);
        if let Some(room) = gathered.room.take() {
            fill(file, end, room);
        }
    }
    result
}

/// Writes zeros. A disk that has no room for them keeps none.
fn fill(file: *mut ffi::sqlite3_file, from: i64, to: i64) {
    static ZEROS: [u8; LONGEST_WRITE] = [0; LONGEST_WRITE];
    let (Some(write), Some(truncate)) = (methods(file).xWrite, methods(file).xTruncate) else {
        return;
    };
    let mut offset = from;
    while offset < to {
        let length = i64::try_from(ZEROS.len()).unwrap_or(0).min(to - offset);
        let count = c_int::try_from(length).unwrap_or(0);
        // SAFETY: the real file is open, and the zeros are as many at least.
        if unsafe { write(real(file), ZEROS.as_ptr().cast(), count, offset) } != ffi::SQLITE_OK {
            // SAFETY: the real file is open; all behind `from` was written here.
            unsafe { truncate(real(file), from) };
            return;
        }
        offset += length;
    }
}

/// Where the last commit of this connection ended in its log. None when it made none there.
#[must_use]
pub fn end(db: &Connection) -> Option<u64> {
    let end = gathered(of(db)?).end?;
    u64::try_from(end).ok()
}

/// Has the next commit of this connection write zeros behind itself, up to there.
pub fn leave_room(db: &Connection, to: u64) {
    if let Some(log) = of(db) {
        gathered(log).room = i64::try_from(to).ok();
    }
}

/// The log that this connection has open by the way that is kept here.
fn of(db: &Connection) -> Option<*mut ffi::sqlite3_file> {
    let mut log: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: it is asked for one operation only, which does not close it.
    let handle = unsafe { db.handle() };
    let operation = ffi::SQLITE_FCNTL_JOURNAL_POINTER;
    let found = (&raw mut log).cast();
    // SAFETY: the connection is open, and this operation puts a pointer where the last argument points to.
    let asked = unsafe { ffi::sqlite3_file_control(handle, c"main".as_ptr(), operation, found) };
    if asked != ffi::SQLITE_OK || log.is_null() {
        return None;
    }
    // SAFETY: not null, so a file of this connection, open or not.
    let is_ours = ptr::eq(unsafe { (*log).pMethods }, &raw const METHODS);
    is_ours.then_some(log)
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
    match gathered(file).add(bytes, offset) {
        Due::Later => ffi::SQLITE_OK,
        Due::Now => flush(file),
        Due::Committed => flush_commit(file),
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
