-- The duty desk: reasons for dismissing, alerts held together when one cause opens many, time limits, hand-overs.
-- Older code survives it.

CREATE TABLE alert_group (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    cause       text NOT NULL CHECK (cause IN ('register_changed', 'rules_changed', 'one_place', 'one_company', 'one_kind')),
    cause_value text,                        -- the version, site or company
    first_at    timestamptz NOT NULL,        -- event times of the alerts it holds
    last_at     timestamptz NOT NULL,
    alerts      integer NOT NULL DEFAULT 0,
    lead_id     bigint REFERENCES lead,      -- one for all of those that each would have opened one
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_group_kind ON alert_group (kind, last_at);

ALTER TABLE alert
    ADD COLUMN group_id     bigint REFERENCES alert_group,
    ADD COLUMN dismiss_code text,
    ADD COLUMN escalated_at timestamptz,
    ADD COLUMN escalated_to text;
CREATE INDEX alert_kind_opened ON alert (kind, opened_at);
CREATE INDEX alert_group_id ON alert (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX alert_waiting ON alert (recorded_at) WHERE state = 'open' AND escalated_at IS NULL;

-- How many alerts of one kind may open within a minute of event time before the rest are held as a group.
CREATE TABLE storm_brake (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    alerts_per_min integer NOT NULL CHECK (alerts_per_min >= 1)
);
INSERT INTO storm_brake (alerts_per_min) VALUES (20);  -- ours

-- Within what time an alert must be acknowledged, from when it was committed; then `escalate_to` is told.
CREATE TABLE alert_sla (
    severity    text PRIMARY KEY CHECK (severity IN ('critical', 'major', 'minor', 'info')),
    ack_within  interval NOT NULL CHECK (ack_within > '0'),
    escalate_to text NOT NULL CHECK (escalate_to IN ('duty', 'squad', 'reviewer', 'admin'))
);
INSERT INTO alert_sla VALUES ('critical', '5 min', 'admin'), ('major', '15 min', 'admin'), ('minor', '2 h', 'admin');

-- What one shift leaves to the next, as it stood then.
CREATE TABLE handover (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    given_by text NOT NULL,
    note     text NOT NULL,
    items    jsonb NOT NULL,
    taken_by text,
    taken_at timestamptz,
    CHECK (taken_by <> given_by)
);
