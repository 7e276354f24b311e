-- Alerts, the leads they open, the leads' journal, and the outbox every listener reads.
-- All times of an alert are event times; `recorded_at` is when we committed it.

CREATE TABLE lead (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state        text NOT NULL DEFAULT 'new' CHECK (state IN (
                     'new', 'assigned', 'verifying', 'unfounded', 'confirmed', 'filed', 'transferred',
                     'decided', 'closed')),
    kind         text NOT NULL,             -- of the alert that opened it
    severity     text NOT NULL,
    device_id    text,
    plate        text,
    outlet_id    text,
    company_id   text,
    jurisdiction text,
    lat          double precision,
    lon          double precision,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,             -- a user, or 'engine'
    assignee     text
);
CREATE INDEX lead_state ON lead (state, id);

CREATE TABLE alert (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('critical', 'major', 'minor', 'info')),
    score            double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    state            text NOT NULL CHECK (state IN ('open', 'acked', 'cleared', 'dismissed', 'withdrawn')),
    device_id        text NOT NULL,
    plate            text,
    outlet_id        text,
    company_id       text,
    place            text NOT NULL,         -- what keeps two open episodes of a kind apart: a site, or the episode itself
    started_at       timestamptz NOT NULL,  -- when the behaviour began
    opened_at        timestamptz NOT NULL,  -- event time of the reading that completed it
    updated_at       timestamptz NOT NULL,
    cleared_at       timestamptz,
    withdrawn_at     timestamptz,           -- event time at which the engine took it back
    lat              double precision,
    lon              double precision,
    jurisdiction     text,
    evidence         jsonb NOT NULL,
    late             boolean NOT NULL DEFAULT false, -- raised, amended or withdrawn by readings that came late; `note` says how
    rule_version     text NOT NULL,
    registry_version bigint NOT NULL,
    lead_id          bigint REFERENCES lead,
    note             text,                  -- why it was withdrawn, raised late or amended; an officer's reason
    acked_by         text,
    acked_at         timestamptz,
    dismissed_by     text,
    dismissed_at     timestamptz,
    recorded_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX alert_one_open ON alert (device_id, kind, place) WHERE state IN ('open', 'acked');
CREATE UNIQUE INDEX alert_episode ON alert (device_id, kind, place, started_at) WHERE state <> 'withdrawn';
CREATE INDEX alert_opened ON alert (opened_at, id);
CREATE INDEX alert_device ON alert (device_id, opened_at);
CREATE INDEX alert_lead ON alert (lead_id);

CREATE TABLE lead_journal (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id   bigint NOT NULL REFERENCES lead,
    seq       integer NOT NULL,             -- 1, 2, 3 … within the lead
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,                -- opened, transition, note …
    detail    jsonb NOT NULL,               -- from, to, note, assignee, attachment hashes
    prev_hash text NOT NULL,                -- SHA-256 (hex) of the entry before; '' for the first
    hash      text NOT NULL,
    UNIQUE (lead_id, seq)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lead_journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Events for the live stream and other listeners. Writers hold advisory lock 4711 (transaction)
-- from their first row to their commit, so that ids become visible in order and none is skipped.
CREATE TABLE outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    type     text NOT NULL,                 -- alert.opened, alert.updated, alert.cleared, alert.withdrawn, lead.changed
    alert_id bigint REFERENCES alert,
    lead_id  bigint REFERENCES lead,
    body     jsonb NOT NULL                 -- the alert or lead as the API shows it, as of then
);
