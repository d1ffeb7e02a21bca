-- What keeps the store free of garbage and mends it: quarantine, artifacts whose subject is gone, where fsck stands,
-- and what is stored, counted in the transactions that change it.

-- Store time until which a damaged blob is kept for a person to look at (design-storage 1.11); NULL unless damaged.
ALTER TABLE blobs ADD COLUMN quarantined_until BIGINT;
DROP INDEX blobs_leaving;
CREATE INDEX blobs_leaving ON blobs (state, quarantined_until) WHERE state <> 1;

-- Images that were deleted while artifacts named them as their subject: those go too (design-storage 1.9).
CREATE TABLE ended_subjects (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  subject    BYTEA NOT NULL,
  ended_at   BIGINT NOT NULL,            -- wall time: what was pushed later stays
  due        BIGINT NOT NULL,            -- store time
  PRIMARY KEY (registry, repository, subject)
);
CREATE INDEX ended_subjects_due ON ended_subjects (due);

-- Where a check of the store stands, so that an interrupted one goes on.
CREATE TABLE store_checks (
  id         BIGINT PRIMARY KEY,         -- 1: there is one at a time
  stage      BIGINT NOT NULL,
  position   BYTEA NOT NULL,             -- in the stage
  repair     SMALLINT NOT NULL,
  read_blobs SMALLINT NOT NULL,
  checked    BIGINT NOT NULL,            -- rows and files looked at
  findings   BIGINT NOT NULL,
  repaired   BIGINT NOT NULL,
  started_at BIGINT NOT NULL
);

-- Content bytes by who links them. A blob that one repository links is unique to it; one that several link is shared,
-- and counted as such in each. Archived are those, of either, that only archived images need.
CREATE TABLE repository_usage (
  registry       BIGINT NOT NULL,
  repository     BIGINT NOT NULL,
  blobs          BIGINT NOT NULL,        -- links
  unique_bytes   BIGINT NOT NULL,
  shared_bytes   BIGINT NOT NULL,
  archived_bytes BIGINT NOT NULL,
  manifests      BIGINT NOT NULL,
  manifest_bytes BIGINT NOT NULL,
  PRIMARY KEY (registry, repository)
);

-- Every blob once, whoever links it: what the registry really holds.
CREATE TABLE registry_usage (
  registry       BIGINT PRIMARY KEY,
  blobs          BIGINT NOT NULL,
  bytes          BIGINT NOT NULL,
  archived_bytes BIGINT NOT NULL
);

-- Images whose change of storage class is still to be carried through: layers brought back, referrers that follow.
CREATE TABLE storage_class_changes (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  digest     BYTEA NOT NULL,
  due        BIGINT NOT NULL,            -- store time
  attempts   BIGINT NOT NULL,            -- that failed
  PRIMARY KEY (registry, repository, digest)
);
CREATE INDEX storage_class_changes_due ON storage_class_changes (due);

-- Hot files that perhaps only archived images need: what goes to the archive.
CREATE TABLE archive_candidates (
  registry BIGINT NOT NULL,
  file_id  BYTEA NOT NULL,
  due      BIGINT NOT NULL,              -- store time
  attempts BIGINT NOT NULL,
  PRIMARY KEY (registry, file_id)
);
CREATE INDEX archive_candidates_due ON archive_candidates (due);
