-- Where a command ran, how it ended, who asked for it, and which command a segment belongs to.
-- Everything may be NULL: rows of earlier releases know nothing of it, and those releases can still
-- write here.

-- if-missing: observations.cwd
ALTER TABLE observations ADD COLUMN cwd TEXT;
-- if-missing: observations.project
ALTER TABLE observations ADD COLUMN project TEXT;
-- if-missing: observations.outcome
ALTER TABLE observations ADD COLUMN outcome TEXT;
-- if-missing: observations.signal
ALTER TABLE observations ADD COLUMN signal TEXT;
-- if-missing: observations.host
ALTER TABLE observations ADD COLUMN host TEXT;
-- if-missing: observations.intent
ALTER TABLE observations ADD COLUMN intent TEXT;
-- if-missing: observations.author
ALTER TABLE observations ADD COLUMN author TEXT;
-- if-missing: observations.session_id
ALTER TABLE observations ADD COLUMN session_id TEXT;
-- if-missing: observations.parent_id
ALTER TABLE observations ADD COLUMN parent_id TEXT;

-- if-missing: recent_commands.project
ALTER TABLE recent_commands ADD COLUMN project TEXT;
-- if-missing: recent_commands.observation_id
ALTER TABLE recent_commands ADD COLUMN observation_id TEXT;
-- if-missing: recent_commands.parent_id
ALTER TABLE recent_commands ADD COLUMN parent_id TEXT;

CREATE TABLE IF NOT EXISTS insights (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    command_template TEXT,
    project TEXT,
    session_id TEXT,
    observation_id TEXT,
    shown_at REAL NOT NULL
);

-- Readers go newest first by rowid, so the columns compared for equality are all that an index needs:
-- within equal keys SQLite keeps rowid order. Partial: a database of a million rows that know no
-- project is upgraded without sorting them.
CREATE INDEX IF NOT EXISTS idx_project_hash ON observations(project, command_hash) WHERE project IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_project_template ON observations(project, command_template)
    WHERE project IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_observation_session ON observations(session_id)
    WHERE session_id IS NOT NULL AND parent_id IS NULL;
-- Pruning finds its rows by age alone.
CREATE INDEX IF NOT EXISTS idx_recent_time ON recent_commands(timestamp);
CREATE INDEX IF NOT EXISTS idx_insight_kind ON insights(kind);

INSERT OR REPLACE INTO meta (key, value) VALUES ('hash_rule', '1');
