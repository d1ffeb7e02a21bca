-- What people set: policies, account settings, principals whose pulls do not count, and how repositories come into being.

-- In the canonical form that clients get back; checked when it came in.
CREATE TABLE repository_policies (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  document   TEXT NOT NULL,
  PRIMARY KEY (registry, repository)
);

CREATE TABLE registry_policies (
  registry BIGINT PRIMARY KEY,
  document TEXT NOT NULL
);

-- Only what was set; the defaults are the program's.
CREATE TABLE account_settings (
  registry BIGINT NOT NULL,
  name     TEXT NOT NULL,
  value    TEXT NOT NULL,
  PRIMARY KEY (registry, name)
);

-- Principals whose pulls leave the time of an image's last pull alone.
CREATE TABLE pull_time_exclusions (
  registry      BIGINT NOT NULL,
  principal_arn TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  PRIMARY KEY (registry, principal_arn)
);

CREATE TABLE creation_templates (
  registry          BIGINT NOT NULL,
  prefix            TEXT NOT NULL,       -- without a slash at its end, or ROOT
  given_prefix      TEXT NOT NULL,       -- as the client wrote it
  applied_for       SMALLINT NOT NULL,   -- a bit each: 1 REPLICATION, 2 PULL_THROUGH_CACHE, 4 CREATE_ON_PUSH
  description       TEXT,
  custom_role_arn   TEXT,
  encryption        SMALLINT NOT NULL,   -- as domains.encryption
  kms_key           TEXT NOT NULL,
  tag_mutability    SMALLINT NOT NULL,   -- as repositories.tag_mutability
  tag_exclusions    TEXT NOT NULL,
  repository_policy TEXT,
  lifecycle_policy  TEXT,
  created_at        BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  PRIMARY KEY (registry, prefix)
);

CREATE TABLE creation_template_tags (
  registry BIGINT NOT NULL,
  prefix   TEXT NOT NULL,
  key      TEXT NOT NULL,
  value    TEXT NOT NULL,
  PRIMARY KEY (registry, prefix, key)
);
