//! The rows that one command leaves, written in one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::observation::{Observation, stored_text};
use super::time::Moment;
use super::{hash, id, pipeline, place, streak};

/// The preview's length in characters.
const PREVIEW_CHARS: usize = 200;

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
struct Context {
    now: Moment,
    created_at: String,
    session_id: String,
    cwd: String,
    project: String,
    host: Option<String>,
}

/// A command or one segment of it.
struct Run {
    id: String,
    parent_id: Option<String>,
    hash: String,
    template: String,
    preview: String,
    exit_code: i32,
    duration_ms: i64,
    timed_out: bool,
    success: bool,
}

/// Writes everything that `observation` leaves and gives its id.
///
/// # Errors
/// Whatever SQLite reports; then no row was written.
pub fn insert(db: &Connection, observation: &Observation<'_>) -> rusqlite::Result<String> {
    // All that needs no lock comes before the lock.
    let context = Context::of(observation);
    let runs = runs(db, observation, context.now)?;
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    for (index, run) in runs.iter().enumerate() {
        insert_observation(db, &context, run, (index == 0).then_some(observation))?;
        insert_recent(db, &context, run)?;
        streak::add(db, &run.hash, run.success, context.now.seconds())?;
    }
    let id = runs
        .into_iter()
        .next()
        .map(|run| run.id)
        .unwrap_or_default();
    insert_insights(db, &context, observation, &id)?;
    prune(db, context.now, PRUNED_PER_RECORD)?;
    transaction.commit()?;
    Ok(id)
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

impl Context {
    fn of(observation: &Observation<'_>) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let now = Moment::now();
        Self {
            now,
            created_at: now.iso(),
            session_id: stored_text(observation.session_id.as_bytes()),
            cwd: stored_text(observation.cwd.as_os_str().as_bytes()),
            project: stored_text(place::project(observation.cwd).as_os_str().as_bytes()),
            host: place::host().map(|host| stored_text(host.as_bytes())),
        }
    }
}

/// The command itself, then its segments if their codes are known.
fn runs(db: &Connection, observation: &Observation<'_>, now: Moment) -> rusqlite::Result<Vec<Run>> {
    let command = stored_text(observation.command);
    let chosen = match observation.id {
        Some(id) => id.to_owned(),
        None => id::new(db, now)?,
    };
    let whole = Run {
        duration_ms: i64::try_from(observation.duration_ms).unwrap_or(i64::MAX),
        timed_out: observation.timed_out,
        success: observation.succeeded && observation.exit_code == 0 && !observation.timed_out,
        ..Run::of(&command, observation.exit_code, chosen)
    };
    let parent_id = Some(whole.id.clone());
    let mut runs = vec![whole];
    for (segment, code) in segments(&command, observation.pipestatus) {
        let run = Run::of(segment, code, id::new(db, now)?);
        runs.push(Run {
            parent_id: parent_id.clone(),
            ..run
        });
    }
    Ok(runs)
}

/// The segments with their codes, when the codes can be believed to belong to them.
fn segments<'a>(command: &'a str, codes: &[i32]) -> Vec<(&'a str, i32)> {
    if codes.len() < 2 || !pipeline::is_single_pipeline(command) {
        return Vec::new();
    }
    let segments = pipeline::split(command);
    if segments.len() != codes.len() {
        return Vec::new();
    }
    segments.into_iter().zip(codes.iter().copied()).collect()
}

impl Run {
    fn of(text: &str, exit_code: i32, id: String) -> Self {
        Self {
            id,
            parent_id: None,
            hash: hash::hash(text),
            template: hash::template(text),
            preview: text.chars().take(PREVIEW_CHARS).collect(),
            exit_code,
            duration_ms: 0,
            timed_out: false,
            success: exit_code == 0,
        }
    }
}

fn insert_observation(
    db: &Connection,
    context: &Context,
    run: &Run,
    whole: Option<&Observation<'_>>,
) -> rusqlite::Result<()> {
    let text = |text: Option<&str>| text.map(|text| stored_text(text.as_bytes()));
    db.prepare_cached(INSERT_OBSERVATION)?.execute(params![
        run.id,
        run.hash,
        run.template,
        run.preview,
        run.exit_code,
        run.duration_ms,
        run.timed_out,
        context.created_at,
        context.cwd,
        context.project,
        whole.map(|whole| whole.outcome),
        whole.and_then(|whole| whole.signal),
        context.host,
        text(whole.and_then(|whole| whole.intent)),
        text(whole.and_then(|whole| whole.author)),
        context.session_id,
        run.parent_id,
    ])?;
    Ok(())
}

fn insert_recent(db: &Connection, context: &Context, run: &Run) -> rusqlite::Result<()> {
    db.prepare_cached(INSERT_RECENT)?.execute(params![
        context.session_id,
        run.hash,
        run.template,
        run.preview,
        context.now.seconds(),
        run.duration_ms,
        run.exit_code,
        run.timed_out,
        run.success,
        context.project,
        run.id,
        run.parent_id,
    ])?;
    Ok(())
}

fn insert_insights(
    db: &Connection,
    context: &Context,
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
            context.project,
            context.session_id,
            id,
            insight.shown_at,
        ])?;
    }
    Ok(())
}
