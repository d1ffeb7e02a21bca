-- The first schema. PostgreSQL's words as far as SQLite reads them: BIGINT, SMALLINT, TEXT, BYTEA.
-- Times are microseconds since 1970 (wall time for *_at that people see, store time for collect_after, held_until and
-- expires_at). Digests are one algorithm byte and the hash. Every table of a registry begins with its integer id.

-- The store's own facts, one row.
CREATE TABLE store_facts (
  store_id      TEXT PRIMARY KEY,        -- a UUID, which the blob root repeats
  boot_epoch    BIGINT NOT NULL,         -- raised at each open; 32 bits
  store_time    BIGINT NOT NULL,
  suspect_until BIGINT NOT NULL          -- store time; irreversible acts pause until then
);

-- Numbers handed out, never reused.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  next BIGINT NOT NULL
);

-- ---------------------------------------------------------------------------------------------------- who is calling

CREATE TABLE users (
  account    TEXT NOT NULL,
  id         TEXT NOT NULL,              -- AIDA…, never reused; what tokens carry
  name       TEXT NOT NULL,
  path       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX users_by_name ON users (account, name);

CREATE TABLE user_policies (
  account  TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  name     TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (account, user_id, name)
);

CREATE TABLE access_keys (
  id            TEXT PRIMARY KEY,        -- AKIA…
  account       TEXT NOT NULL,
  user_id       TEXT NOT NULL,
  sealed_secret BYTEA NOT NULL,          -- under the root key, bound to id
  active        SMALLINT NOT NULL,
  created_at    BIGINT NOT NULL
);
CREATE INDEX access_keys_by_user ON access_keys (account, user_id);

-- Keys that tokens, page cursors, upload locations and download URLs are sealed with; each purpose derives its own.
CREATE TABLE token_keys (
  id         BIGINT PRIMARY KEY,
  sealed     BYTEA NOT NULL,             -- under the root key, bound to id
  created_at BIGINT NOT NULL
);

-- ------------------------------------------------------------------------------------------------ registries and keys

CREATE TABLE registries (
  id      BIGINT PRIMARY KEY,
  account TEXT NOT NULL,
  region  TEXT NOT NULL,
  UNIQUE (account, region)
);

-- root key → service key of the registry → repository key → data key of a file (blob_links.wrapped_key).
CREATE TABLE service_keys (
  registry   BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  root_key   TEXT NOT NULL,              -- the id of the root key that wraps it
  wrapped    BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (registry, id)
);

CREATE TABLE repository_keys (
  registry    BIGINT NOT NULL,
  repository  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  service_key BIGINT NOT NULL,
  wrapped     BYTEA NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (registry, repository, id)
);

-- Files are shared inside a domain only: account, region, mode and key.
CREATE TABLE domains (
  registry   BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  encryption SMALLINT NOT NULL,          -- 1 AES256, 2 KMS, 3 KMS_DSSE
  kms_key    TEXT NOT NULL,              -- '' for AES256
  PRIMARY KEY (registry, id),
  UNIQUE (registry, encryption, kms_key)
);

-- ------------------------------------------------------------------------------------------------------- repositories

CREATE TABLE repositories (
  registry       BIGINT NOT NULL,
  name           TEXT NOT NULL,
  id             BIGINT NOT NULL,        -- never reused: what everything else holds
  domain         BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  tag_mutability SMALLINT NOT NULL,      -- 1 MUTABLE, 2 IMMUTABLE, 3 IMMUTABLE_WITH_EXCLUSION, 4 MUTABLE_WITH_EXCLUSION
  tag_exclusions TEXT NOT NULL,          -- the filters, one a line, in the order sent
  scan_on_push   SMALLINT NOT NULL,
  PRIMARY KEY (registry, name)
);
CREATE UNIQUE INDEX repositories_by_id ON repositories (registry, id);

CREATE TABLE repository_tags (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  key        TEXT NOT NULL,
  value      TEXT NOT NULL,
  PRIMARY KEY (registry, repository, key)
);

-- A deleted repository's rows go in slices behind it; its name is free at once.
CREATE TABLE repository_remains (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  PRIMARY KEY (registry, repository)
);

-- ------------------------------------------------------------------------------------------------------------- images

CREATE TABLE manifests (
  registry      BIGINT NOT NULL,
  repository    BIGINT NOT NULL,
  digest        BYTEA NOT NULL,
  media_type    TEXT NOT NULL,
  size          BIGINT NOT NULL,         -- of the manifest itself
  image_size    BIGINT NOT NULL,         -- what DescribeImages calls imageSizeInBytes
  pushed_at     BIGINT NOT NULL,
  artifact_type TEXT,                    -- artifactType, else the config's media type
  subject       BYTEA,
  last_pulled_at BIGINT,                 -- wall time, to the hour; NULL = never
  image_status  SMALLINT NOT NULL DEFAULT 1, -- 1 ACTIVE, 2 ARCHIVED, 3 ACTIVATING
  last_archived_at  BIGINT,
  last_activated_at BIGINT,
  content       BYTEA NOT NULL,          -- the exact bytes; the only place they live. Last: what follows it is far
  PRIMARY KEY (registry, repository, digest)
);
CREATE INDEX manifests_by_time ON manifests (registry, repository, pushed_at DESC, digest);
CREATE INDEX manifests_not_active ON manifests (registry, repository, digest) WHERE image_status <> 1;
CREATE INDEX manifests_by_pull ON manifests (registry, repository, last_pulled_at) WHERE last_pulled_at IS NOT NULL;
CREATE INDEX manifests_by_subject ON manifests (registry, repository, subject, digest) WHERE subject IS NOT NULL;

CREATE TABLE tags (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  tag        TEXT NOT NULL,
  digest     BYTEA NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (registry, repository, tag)
);
CREATE INDEX tags_by_digest ON tags (registry, repository, digest, tag);

CREATE TABLE manifest_references (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  parent     BYTEA NOT NULL,
  child      BYTEA NOT NULL,
  kind       SMALLINT NOT NULL,          -- 1 config, 2 layer, 3 manifest, 4 subject
  archived   SMALLINT NOT NULL DEFAULT 0, -- 1 while the parent is ARCHIVED: it needs no child at hand
  PRIMARY KEY (registry, repository, parent, child, kind)
);
CREATE INDEX manifest_references_by_child ON manifest_references (registry, repository, child, kind, archived, parent);

-- -------------------------------------------------------------------------------------------------------------- blobs

CREATE TABLE blobs (
  registry   BIGINT NOT NULL,
  file_id    BYTEA NOT NULL,             -- 16 bytes: boot epoch, random; the file's name
  domain     BIGINT NOT NULL,
  digest     BYTEA NOT NULL,
  size       BIGINT NOT NULL,            -- of the content
  state      SMALLINT NOT NULL,          -- 1 live, 2 deleting, 3 damaged
  layout     BYTEA NOT NULL,             -- suite and segment table (blobs/format.h)
  created_at BIGINT NOT NULL,
  tier       SMALLINT NOT NULL DEFAULT 1, -- 1 hot, 2 archive: in which directory the file lies
  packed_size BIGINT,                    -- in the archive: bytes of the packed form (blobs/packing.h)
  content    BYTEA,                      -- what is small lies here, sealed, and has no file (blobs/row_content.h).
                                         -- Last: what follows it is far
  PRIMARY KEY (registry, file_id)
);
CREATE UNIQUE INDEX blobs_live ON blobs (registry, domain, digest, tier) WHERE state = 1;
CREATE INDEX blobs_archived ON blobs (registry, file_id) WHERE tier = 2;
CREATE INDEX blobs_leaving ON blobs (registry, file_id) WHERE state <> 1;

-- What may be claimed, read or referenced in a repository. A digest without a link does not exist there.
CREATE TABLE blob_links (
  registry       BIGINT NOT NULL,
  repository     BIGINT NOT NULL,
  digest         BYTEA NOT NULL,
  file_id        BYTEA NOT NULL,
  repository_key BIGINT NOT NULL,
  wrapped_key    BYTEA NOT NULL,
  collect_after  BIGINT,                 -- store time; NULL while a manifest refers to it
  media_type     TEXT,                   -- as the first manifest that refers to it calls it
  archived       SMALLINT NOT NULL DEFAULT 0, -- 1: only archived images need it; it cannot be read or relied on
  PRIMARY KEY (registry, repository, digest)
);
CREATE INDEX blob_links_by_file ON blob_links (registry, file_id, archived);
CREATE INDEX blob_links_due ON blob_links (collect_after) WHERE collect_after IS NOT NULL;

-- Files that lost a link: what collection looks at, so that its cost follows changes.
CREATE TABLE collection_candidates (
  registry BIGINT NOT NULL,
  file_id  BYTEA NOT NULL,
  PRIMARY KEY (registry, file_id)
);

-- ------------------------------------------------------------------------------------------------------------ uploads

CREATE TABLE uploads (
  registry       BIGINT NOT NULL,
  repository     BIGINT NOT NULL,
  id             TEXT NOT NULL,          -- a UUID
  state          SMALLINT NOT NULL,      -- 1 open, 2 completed, 3 cancelled, 4 failed
  principal      TEXT NOT NULL,          -- unique id
  opened_at      BIGINT NOT NULL,
  expires_at     BIGINT NOT NULL,        -- store time
  writer_epoch   BIGINT NOT NULL,        -- the fencing number; raised by compare-and-set
  received       BIGINT NOT NULL,        -- bytes as of the last checkpoint
  parts          BIGINT NOT NULL,        -- UploadLayerPart calls
  short_part     SMALLINT NOT NULL,      -- 1: the last part had under 5 MiB; 2: another followed such a one
  file_id        BYTEA,
  repository_key BIGINT,
  wrapped_key    BYTEA,                  -- the data key, bound to this session
  sealed_state   BYTEA,                  -- hash state, tail and segment table
  digest         BYTEA,                  -- of a completed one
  PRIMARY KEY (registry, repository, id)
);
CREATE INDEX uploads_due ON uploads (expires_at);
CREATE INDEX uploads_by_file ON uploads (registry, file_id) WHERE file_id IS NOT NULL;
