//! The rows that one command leaves, written in one transaction.

use rusqlite::{Connection, params};

use super::draft::{Draft, Text};
use super::observation::{Observation, stored_text};
use super::open::Store;
use super::time::Moment;
use super::{id, spare, streak};

/// `recent_commands` holds this many seconds.
const RECENT_SECS: f64 = 100.0 * 60.0;

/// The most rows that one record prunes from `recent_commands`; upkeep takes the rest.
const PRUNED_PER_RECORD: u32 = 100;

const INSERT_OBSERVATION: &str = "\
INSERT INTO observations (id, command_hash, command_template, command_preview, exit_code, duration_ms,
  timed_out, weight, created_at, cwd, project, outcome, signal, host, intent, author, session_id, parent_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1.0, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

const INSERT_RECENT: &str = "\
INSERT INTO recent_commands (session_id, command_hash, command_template, command_preview, timestamp,
  duration_ms, exit_code, timed_out, success, project, observation_id, parent_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

// An insight that was handed over twice is the same row.
const INSERT_INSIGHT: &str = "\
INSERT OR IGNORE INTO insights
  (id, kind, level, command_template, project, session_id, observation_id, shown_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PRUNE: &str = "\
DELETE FROM recent_commands WHERE id IN
  (SELECT id FROM recent_commands WHERE timestamp < ?1 ORDER BY timestamp LIMIT ?2)";

/// Prepares the statements of a record, so that it finds them and the layout ready.
///
/// # Errors
/// When the database lacks a table or a column.
pub fn prepare(db: &Connection) -> rusqlite::Result<()> {
    for sql in [INSERT_OBSERVATION, INSERT_RECENT, streak::UPSERT, PRUNE] {
        db.prepare_cached(sql)?;
    }
    Ok(())
}

/// What the rows of one command have in common, as text that may be stored.
struct Context<'a> {
    now: Moment,
    created_at: String,
    session_id: String,
    draft: &'a Draft,
}

/// A command or one segment of it.
struct Run<'a> {
    id: String,
    parent_id: Option<String>,
    text: &'a Text,
    exit_code: i32,
    duration_ms: i64,
    timed_out: bool,
    success: bool,
}

/// What was written for one command.
#[derive(Debug)]
pub struct Written {
    /// The id of its observation.
    pub id: String,
    /// Whether the rows to come are to be made room for.
    pub wants_room: bool,
}

/// Writes everything that `observation` leaves. The draft is that of its command, and no row of `recent_commands` is
/// older than `oldest_recent` if that is known.
///
/// # Errors
/// Whatever SQLite reports; then no row was written.
pub fn insert(
    store: &Store,
    draft: &Draft,
    observation: &Observation<'_>,
    oldest_recent: Option<f64>,
) -> rusqlite::Result<Written> {
    let db = &store.db;
    // All that needs no lock comes before the lock.
    let context = Context::of(draft, observation);
    let runs = runs(db, draft, observation, context.now)?;
    let mut wants_room = false;
    let transaction = store.begin()?;
    for (index, run) in runs.iter().enumerate() {
        insert_observation(db, &context, run, (index == 0).then_some(observation))?;
        wants_room |= spare::is_due(db.last_insert_rowid());
        insert_recent(db, &context, run)?;
        streak::add(db, &run.text.hash, run.success, context.now.seconds())?;
    }
    let id = runs
        .into_iter()
        .next()
        .map(|run| run.id)
        .unwrap_or_default();
    insert_insights(db, &context, observation, &id)?;
    if oldest_recent.is_none_or(|oldest| oldest < context.now.seconds() - RECENT_SECS) {
        prune(db, context.now, PRUNED_PER_RECORD)?;
    }
    transaction.commit()?;
    Ok(Written { id, wants_room })
}

/// Removes up to `limit` rows of `recent_commands` that are too old; gives their number.
///
/// # Errors
/// Whatever SQLite reports.
pub fn prune(db: &Connection, now: Moment, limit: u32) -> rusqlite::Result<usize> {
    db.prepare_cached(PRUNE)?
        .execute(params![now.seconds() - RECENT_SECS, limit])
}

/// Whether `recent_commands` holds rows that are too old.
///
/// # Errors
/// Whatever SQLite reports.
pub fn any_to_prune(db: &Connection, now: Moment) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM recent_commands WHERE timestamp < ?1)")?
        .query_row([now.seconds() - RECENT_SECS], |row| row.get(0))
}

impl<'a> Context<'a> {
    fn of(draft: &'a Draft, observation: &Observation<'_>) -> Self {
        let now = Moment::now();
        Self {
            now,
            created_at: now.iso(),
            session_id: stored_text(observation.session_id.as_bytes()),
            draft,
        }
    }
}

/// The command itself, then its segments if their codes are known.
fn runs<'a>(
    db: &Connection,
    draft: &'a Draft,
    observation: &Observation<'_>,
    now: Moment,
) -> rusqlite::Result<Vec<Run<'a>>> {
    let chosen = match observation.id {
        Some(id) => id.to_owned(),
        None => id::new(db, now)?,
    };
    let whole = Run {
        duration_ms: i64::try_from(observation.duration_ms).unwrap_or(i64::MAX),
        timed_out: observation.timed_out,
        success: observation.succeeded && observation.exit_code == 0 && !observation.timed_out,
        ..Run::of(&draft.whole, observation.exit_code, chosen)
    };
    let parent_id = Some(whole.id.clone());
    let mut runs = vec![whole];
    for (segment, code) in segments(draft, observation.pipestatus) {
        let run = Run::of(segment, code, id::new(db, now)?);
        runs.push(Run {
            parent_id: parent_id.clone(),
            ..run
        });
    }
    Ok(runs)
}

/// The segments with their codes, when the codes can be believed to belong to them.
fn segments<'a>(draft: &'a Draft, codes: &[i32]) -> impl Iterator<Item = (&'a Text, i32)> {
    let known = codes.len() >= 2 && codes.len() == draft.segments.len();
    let segments = if known {
        draft.segments.as_slice()
    } else {
        &[]
    };
    segments.iter().zip(codes.to_vec())
}

impl<'a> Run<'a> {
    fn of(text: &'a Text, exit_code: i32, id: String) -> Self {
        Self {
            id,
            parent_id: None,
            text,
            exit_code,
            duration_ms: 0,
            timed_out: false,
            success: exit_code == 0,
        }
    }
}

fn insert_observation(
    db: &Connection,
    context: &Context<'_>,
    run: &Run<'_>,
    whole: Option<&Observation<'_>>,
) -> rusqlite::Result<()> {
    let text = |text: Option<&str>| text.map(|text| stored_text(text.as_bytes()));
    db.prepare_cached(INSERT_OBSERVATION)?.execute(params![
        run.id,
        run.text.hash,
        run.text.template,
        run.text.preview,
        run.exit_code,
        run.duration_ms,
        run.timed_out,
        context.created_at,
        context.draft.cwd,
        context.draft.project,
        whole.map(|whole| whole.outcome),
        whole.and_then(|whole| whole.signal),
        context.draft.host,
        text(whole.and_then(|whole| whole.intent)),
        text(whole.and_then(|whole| whole.author)),
        context.session_id,
        run.parent_id,
    ])?;
    Ok(())
}

fn insert_recent(db: &Connection, context: &Context<'_>, run: &Run) -> rusqlite::Result<()> {
    db.prepare_cached(INSERT_RECENT)?.execute(params![
        context.session_id,
        run.text.hash,
        run.text.template,
        run.text.preview,
        context.now.seconds(),
        run.duration_ms,
        run.exit_code,
        run.timed_out,
        run.success,
        context.draft.project,
        run.id,
        run.parent_id,
    ])?;
    Ok(())
}

fn insert_insights(
    db: &Connection,
    context: &Context<'_>,
    observation: &Observation<'_>,
    id: &str,
) -> rusqlite::Result<()> {
    for insight in observation.insights {
        db.prepare_cached(INSERT_INSIGHT)?.execute(params![
            insight.id,
            insight.kind,
            insight.level,
            insight
                .template
                .as_deref()
                .map(|template| stored_text(template.as_bytes())),
            context.draft.project,
            context.session_id,
            id,
            insight.shown_at,
        ])?;
    }
    Ok(())
}
