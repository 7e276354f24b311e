-- What has arrived at webhooks, to be shown beside what has not. Without a reference to the webhook: a clerk that notes an
-- arrival does not wait for an admin who deletes it. Older code survives it.

CREATE TABLE webhook_arrival (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id bigint NOT NULL,
    outbox_id  bigint NOT NULL,              -- sent again by a replay: there twice
    type       text NOT NULL,
    stream     text NOT NULL,
    attempts   integer NOT NULL,             -- with the one that got through
    arrived_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_arrival_newest ON webhook_arrival (webhook_id, id);
