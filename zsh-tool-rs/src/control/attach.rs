//! Following the output: a second reader who is never waited for.
use serde_json::json;

use super::connection::Connection;
use crate::executor::output::Output;

/// The most that one event carries.
const CHUNK: u64 = 256 << 10;
/// A follower with so much on its way gets no more for now; what is dropped meanwhile it skips.
const BEHIND: usize = 512 << 10;

/// Sends a follower what it has not got yet.
pub(super) fn follow(connection: &mut Connection, output: &Output) {
    while let (Some(from), Some(kept)) = (connection.followed, output.kept()) {
        if from >= output.total() || connection.unsent() > BEHIND || !connection.is_open() {
            return;
        }
        let Ok((offset, bytes)) = kept.read(from, CHUNK) else {
            connection.followed = None;
            return;
        };
        connection.followed = Some(offset + bytes.len() as u64);
        let event = json!({"event": "data", "offset": offset, "payload": bytes.len()});
        connection.send_with(&event, &bytes);
    }
}
