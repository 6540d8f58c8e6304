-- +goose Up
-- Zones as they were desired or found, each once, compressed.
CREATE TABLE zones (
    hash BLOB PRIMARY KEY,
    data BLOB NOT NULL
) WITHOUT ROWID;

-- The journal: a row is there before the first byte is sent, and ended after the last answer.
CREATE TABLE entries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    run          TEXT NOT NULL,
    provider     TEXT NOT NULL,
    driver       TEXT NOT NULL,
    zone         TEXT NOT NULL, -- sortable key of the name, in hexadecimal
    view         TEXT NOT NULL,
    plan         TEXT NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation >= 0),
    observed     TEXT NOT NULL,
    desired      TEXT NOT NULL,
    changes      BLOB NOT NULL, -- JSON, compressed
    want         BLOB REFERENCES zones (hash),
    wish         BLOB REFERENCES zones (hash),
    before       BLOB REFERENCES zones (hash),
    actor        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    sources      TEXT NOT NULL, -- JSON
    revision     TEXT NOT NULL,
    creates      INTEGER NOT NULL,
    updates      INTEGER NOT NULL,
    deletes      INTEGER NOT NULL,
    began        INTEGER NOT NULL, -- nanoseconds since 1970, UTC
    ended        INTEGER,
    outcome      TEXT NOT NULL DEFAULT 'open',
    error        TEXT NOT NULL DEFAULT '',
    receipt      TEXT, -- JSON
    verification TEXT, -- JSON
    CHECK ((ended IS NULL) = (outcome = 'open'))
);
CREATE INDEX entries_target ON entries (provider, zone, view, generation);
CREATE INDEX entries_zone ON entries (zone, id);
CREATE INDEX entries_open ON entries (id) WHERE outcome = 'open';

-- The newest desired state that was planned for each zone.
CREATE TABLE generations (
    zone       TEXT PRIMARY KEY,
    generation INTEGER NOT NULL CHECK (generation > 0),
    desired    TEXT NOT NULL
) WITHOUT ROWID;

-- RRsets that exist because zonecast created them.
CREATE TABLE created (
    provider TEXT NOT NULL,
    zone     TEXT NOT NULL,
    view     TEXT NOT NULL,
    owner    TEXT NOT NULL, -- sortable key, in hexadecimal
    type     INTEGER NOT NULL,
    PRIMARY KEY (provider, zone, view, owner, type)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE created;
DROP TABLE generations;
DROP TABLE entries;
DROP TABLE zones;
