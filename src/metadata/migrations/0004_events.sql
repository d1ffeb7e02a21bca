-- Events on their way to those who asked for them: a copy for each receiver, written with the effect itself.

-- Who waits: a repository's events for one receiver, which gets them in their order. A row is there while events are.
CREATE TABLE event_streams (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  receiver   SMALLINT NOT NULL,          -- 1 file, 2 webhook
  next       BIGINT NOT NULL,            -- the number of the next event
  due        BIGINT NOT NULL,            -- store time: of the next attempt, or when a claim lapses
  claim      BIGINT NOT NULL,            -- the fencing number of the last one
  attempts   BIGINT NOT NULL,            -- failed ones since the last that went well
  error      TEXT NOT NULL,              -- of the last attempt; '' when it went well
  PRIMARY KEY (registry, repository, receiver)
);
CREATE INDEX event_streams_due ON event_streams (receiver, due);

CREATE TABLE events (
  registry   BIGINT NOT NULL,
  repository BIGINT NOT NULL,
  receiver   SMALLINT NOT NULL,
  number     BIGINT NOT NULL,
  id         TEXT NOT NULL,              -- as the content says it
  made_at    BIGINT NOT NULL,            -- store time
  content    TEXT NOT NULL,              -- as it is sent
  PRIMARY KEY (registry, repository, receiver, number)
);
CREATE INDEX events_by_receiver ON events (receiver, made_at);

-- What a receiver did not take for as long as it was tried; kept until a person sends it again or drops it.
CREATE TABLE dead_events (
  registry   BIGINT NOT NULL,
  number     BIGINT NOT NULL,            -- in the order in which they died
  repository BIGINT NOT NULL,
  receiver   SMALLINT NOT NULL,
  id         TEXT NOT NULL,
  died_at    BIGINT NOT NULL,            -- wall time
  error      TEXT NOT NULL,
  content    TEXT NOT NULL,
  PRIMARY KEY (registry, number)
);
CREATE INDEX dead_events_by_receiver ON dead_events (receiver);
