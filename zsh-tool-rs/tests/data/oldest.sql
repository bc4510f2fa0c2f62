-- As the first release of all left it: observations without command_template, and nothing else.
CREATE TABLE observations (
    id TEXT PRIMARY KEY,
    command_hash TEXT NOT NULL,
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
CREATE INDEX idx_command_hash ON observations(command_hash);
INSERT INTO observations
    (id, command_hash, command_preview, exit_code, duration_ms, timed_out, weight, created_at)
VALUES
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f01', '584a331fd6b02dcb', 'echo hello', 0, 12, 0, 1.0, '2026-03-01T09:15:00.123456+00:00'),
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f02', '584a331fd6b02dcb', 'echo hello', 1, 9, 0, 0.5, '2026-03-02T10:00:00+00:00'),
    ('8f14e45f-ceea-467f-a0e6-1d1b5a1c9f03', '1de700c29687cae3', 'ls -la', 124, 120000, 1, 0.25, '2026-03-03T23:59:59.000001+00:00');
