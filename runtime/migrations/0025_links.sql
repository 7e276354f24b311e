-- Links to other systems: events they tell us, what we tell them, and messages to people. Older code survives it.

-- What other systems told us, each once: (source, event_id).
CREATE TABLE external_event (
    source      text NOT NULL CHECK (source IN ('camera', 'hotline', 'shopfront')),
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL,
    body        jsonb NOT NULL,
    alert_id    bigint NOT NULL REFERENCES alert,
    PRIMARY KEY (source, event_id)
);

-- Who is told of events, signed. `last_id`: up to which event of the outbox deliveries have been made.
CREATE TABLE webhook (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    url        text NOT NULL,
    secret     text NOT NULL,
    types      text[] NOT NULL,
    last_id    bigint NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE webhook_delivery (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id bigint NOT NULL REFERENCES webhook ON DELETE CASCADE,
    outbox_id  bigint NOT NULL,
    stream     text NOT NULL,                -- what keeps its order: a lead, or an alert
    body       jsonb NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
    attempts   integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(),
    error      text,
    UNIQUE (webhook_id, outbox_id)
);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (webhook_id, stream, outbox_id) WHERE state = 'waiting';

-- Where messages to people go. `settings` hold addresses and secrets: shown to nobody.
CREATE TABLE channel (
    name       text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('wecom', 'dingtalk', 'feishu', 'sms', 'mail')),
    settings   jsonb NOT NULL,
    language   text NOT NULL DEFAULT 'zh' CHECK (language IN ('zh', 'en')),
    quiet_from time,                          -- local; messages wait until `quiet_to`, critical ones do not
    quiet_to   time,
    created_by text NOT NULL,
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);
CREATE TABLE subscription (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel       text NOT NULL REFERENCES channel ON DELETE CASCADE,
    owner         text NOT NULL,              -- an officer, or who set it up for a unit
    events        text[] NOT NULL,            -- alert.opened, alert.escalated, lead.opened, lead.moved
    kinds         text[] NOT NULL DEFAULT '{}',      -- empty: all
    severities    text[] NOT NULL DEFAULT '{}',
    jurisdictions text[] NOT NULL DEFAULT '{}',
    squads        text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE message (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel  text NOT NULL REFERENCES channel ON DELETE CASCADE,
    key      text NOT NULL,                   -- what is told once: an alert's opening, a group's, a lead's move
    text     text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    due_at   timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    sent_at  timestamptz,
    error    text,
    UNIQUE (channel, key)
);
CREATE INDEX message_due ON message (due_at) WHERE sent_at IS NULL;

-- Up to which event of the outbox each reader inside the service has come.
CREATE TABLE outbox_reader (
    name    text PRIMARY KEY,
    last_id bigint NOT NULL
);

-- Who saw and did what. Refused requests change nothing and show nothing; they are not here.
CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL,
    role     text NOT NULL,
    method   text NOT NULL,
    path     text NOT NULL,
    lead_id  bigint,
    alert_id bigint
);
CREATE INDEX audit_lead ON audit (lead_id, id) WHERE lead_id IS NOT NULL;
CREATE INDEX audit_who ON audit (who, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
