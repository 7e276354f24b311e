-- Hand-overs between authorities (案件、线索双移交), and the worksheets of discretion. Older code survives it.

CREATE TABLE lead_transfer (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id         bigint NOT NULL REFERENCES lead,
    direction       text NOT NULL CHECK (direction IN ('out', 'in')),
    what            text NOT NULL CHECK (what IN ('lead', 'case')),
    party           text NOT NULL CHECK (party IN ('police', 'traffic_police', 'procuratorate', 'ecology', 'other_district')),
    party_name      text NOT NULL DEFAULT '',
    basis           text NOT NULL,             -- the article it rests on
    note            text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'received', 'answered', 'sent_back')),
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    due_on          date NOT NULL,             -- out: to be received by; in: to be taken up by
    receipt_no      text,
    received_at     timestamptz,
    answer_due_on   date,                      -- by when the other side (out) or we (in) must say what came of it
    answer          text,
    answered_at     timestamptz,
    return_reason   text,
    returned_at     timestamptz,
    CHECK ((state <> 'received') OR receipt_no IS NOT NULL),
    CHECK ((state = 'answered') = (answer IS NOT NULL)),
    CHECK ((state = 'sent_back') = (return_reason IS NOT NULL))
);
CREATE INDEX lead_transfer_lead ON lead_transfer (lead_id);
CREATE UNIQUE INDEX lead_transfer_one_open ON lead_transfer (lead_id, direction) WHERE state IN ('sent', 'received');

CREATE TABLE lead_worksheet (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id     bigint NOT NULL REFERENCES lead,
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    law         jsonb NOT NULL,                -- the entry of the law table as it stood then
    factors     text[] NOT NULL,
    terms       jsonb NOT NULL,                -- what each factor weighed then
    share       double precision NOT NULL,
    suggested_yuan double precision,
    amount_yuan double precision,              -- what the officer settled on
    note        text NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lead_worksheet
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
