-- A delivery that was put aside holds back what comes after it in its stream: the oldest of a stream is looked for among
-- all of it. Older code survives it.

CREATE INDEX webhook_delivery_stream ON webhook_delivery (webhook_id, stream, outbox_id);
DROP INDEX webhook_delivery_waiting;
