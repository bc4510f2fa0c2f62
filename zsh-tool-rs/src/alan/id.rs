//! The ids of rows.

use rusqlite::Connection;

use super::time::Moment;

/// A new UUID of version 7: its first digits grow with time, so that new ids stand together in
/// their index and a large database is written as fast as an empty one.
///
/// # Errors
/// Whatever SQLite reports.
pub fn new(db: &Connection, now: Moment) -> rusqlite::Result<String> {
    // SQLite's generator, seeded by the system once per process.
    let random = db
        .prepare_cached("SELECT randomblob(10)")?
        .query_row([], |row| row.get(0))?;
    Ok(uuid(now.millis(), random))
}

/// Whether a text is a UUID as it is usually written.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
        })
}

fn uuid(millis: u64, random: [u8; 10]) -> String {
    let [r0, r1, r2, rest @ ..] = random;
    let time = millis & 0xffff_ffff_ffff;
    let third = 0x7000 | u16::from_be_bytes([r0 & 0x0f, r1]);
    let fourth = 0x8000 | u16::from_be_bytes([r2 & 0x3f, rest[0]]);
    let node = rest[1..]
        .iter()
        .fold(0_u64, |node, byte| node << 8 | u64::from(*byte));
    format!(
        "{:08x}-{:04x}-{third:04x}-{fourth:04x}-{node:012x}",
        time >> 16,
        time & 0xffff
    )
}

#[cfg(test)]
mod tests {
    use super::{is_uuid, uuid};

    #[test]
    fn ids_are_uuids_of_version_seven() {
        assert_eq!(
            uuid(0x0123_4567_89ab, [0xff; 10]),
            "01234567-89ab-7fff-bfff-ffffffffffff"
        );
        assert_eq!(uuid(0, [0; 10]), "00000000-0000-7000-8000-000000000000");
        assert_eq!(
            uuid(1, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            "00000000-0001-7102-8304-05060708090a"
        );
    }

    #[test]
    fn only_a_uuid_is_taken_for_one() {
        assert!(is_uuid(&uuid(1, [7; 10])));
        for text in [
            "",
            "00000000-0001-7102-8304-05060708090",
            "00000000-0001-7102-8304-05060708090A",
            "00000000_0001-7102-8304-05060708090a",
            "00000000-0001-7102-8304-05060708090ä",
        ] {
            assert!(!is_uuid(text), "{text:?}");
        }
    }
}
