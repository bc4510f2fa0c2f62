-- As the first executors in Rust left it: command_template is the third column.
CREATE TABLE observations (
    id TEXT PRIMARY KEY,
    command_hash TEXT NOT NULL,
    command_template TEXT,
    command_preview TEXT,
    exit_code INTEGER,
    duration_ms INTEGER,
    timed_out INTEGER DEFAULT 0,
    output_snippet TEXT,
    error_snippet TEXT,
    weight REAL DEFAULT 1.0,
    created_at TEXT NOT NULL,
    last_accessed TEXT
);
CREATE TABLE recent_commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    command_hash TEXT NOT NULL,
    command_template TEXT,
    command_preview TEXT,
    timestamp REAL NOT NULL,
    duration_ms INTEGER,
    exit_code INTEGER,
    timed_out INTEGER DEFAULT 0,
    success INTEGER DEFAULT 1
);
CREATE TABLE streaks (
    command_hash TEXT PRIMARY KEY,
    current_streak INTEGER DEFAULT 0,
    longest_success_streak INTEGER DEFAULT 0,
    longest_fail_streak INTEGER DEFAULT 0,
    last_result INTEGER,
    last_updated REAL
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE ssh_observations (
    id TEXT PRIMARY KEY,
    observation_id TEXT,
    host TEXT NOT NULL,
    remote_command TEXT,
    remote_command_template TEXT,
    exit_code INTEGER,
    exit_type TEXT,
    duration_ms INTEGER,
    timed_out INTEGER DEFAULT 0,
    weight REAL DEFAULT 1.0,
    created_at TEXT NOT NULL
);
CREATE TABLE manopt_cache (
    base_command TEXT PRIMARY KEY,
    options_text TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX idx_command_hash ON observations(command_hash);
CREATE INDEX idx_created_at ON observations(created_at);
CREATE INDEX idx_weight ON observations(weight);
CREATE INDEX idx_command_template ON observations(command_template);
CREATE INDEX idx_recent_session ON recent_commands(session_id, timestamp DESC);
CREATE INDEX idx_recent_hash ON recent_commands(command_hash, timestamp DESC);
CREATE INDEX idx_recent_template ON recent_commands(command_template, timestamp DESC);
CREATE INDEX idx_ssh_host ON ssh_observations(host);
CREATE INDEX idx_ssh_remote_template ON ssh_observations(remote_command_template);
CREATE INDEX idx_ssh_exit_type ON ssh_observations(exit_type);
INSERT INTO observations
    (id, command_hash, command_template, command_preview, exit_code, duration_ms, timed_out, weight, created_at)
VALUES
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f01', '584a331fd6b02dcb', 'echo hello', 'echo hello', 0, 12, 0, 1.0, '2026-03-01T09:15:00.123456+00:00'),
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f02', '584a331fd6b02dcb', 'echo hello', 'echo hello', 1, 9, 0, 0.5, '2026-03-02T10:00:00+00:00'),
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f03', '1de700c29687cae3', NULL, 'ls -la', 124, 120000, 1, 0.25, '2026-03-03T23:59:59.000001+00:00');
INSERT INTO recent_commands
    (session_id, command_hash, command_template, command_preview, timestamp, duration_ms, exit_code, timed_out, success)
VALUES
    ('a1b2c3d4', '584a331fd6b02dcb', 'echo hello', 'echo hello', 1772356500.5, 12, 0, 0, 1);
INSERT INTO streaks VALUES ('584a331fd6b02dcb', -1, 4, 0, 0, 1772445600.0), ('1de700c29687cae3', -3, 0, 3, 0, 1772582399.0);
INSERT INTO meta VALUES ('last_prune', '2026-03-01T09:15:00+00:00');
INSERT INTO ssh_observations (id, observation_id, host, remote_command, remote_command_template, exit_code, exit_type, duration_ms, created_at)
VALUES ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f04', '8f14e45f-ceea-467f-a0e6-1d1b5a1c9f01', 'example.org', 'uptime', 'uptime', 0, 'success', 310, '2026-03-01T09:15:00+00:00');
INSERT INTO manopt_cache VALUES ('ls', '-l  long listing', '2026-03-01T09:15:00+00:00');
