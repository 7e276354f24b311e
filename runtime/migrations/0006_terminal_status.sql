-- What terminals say of themselves and to commands: docs/firmware.md, `status` and `ack`. Older code survives it.

-- One row a device: its newest status by the time it speaks of, and the newest firmware it named (a will names none).
CREATE TABLE terminal_status (
    device_id   text PRIMARY KEY,
    online      boolean NOT NULL,
    since       timestamptz NOT NULL,       -- of that status: its ts, or else when it came
    heard_at    timestamptz NOT NULL,       -- when it came
    firmware    text,
    firmware_at timestamptz                 -- of the status that named it
);

-- What a device answered to a command; the first answer stands.
CREATE TABLE command_ack (
    device_id  text NOT NULL,
    command_id text NOT NULL,               -- as the device says it; a number as its digits
    ok         boolean NOT NULL,
    acked_at   timestamptz NOT NULL,
    PRIMARY KEY (device_id, command_id)
);

-- Commands to devices. A collector publishes those that are due, under the same id each time, until an answer comes.
CREATE TABLE device_command (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  text NOT NULL,
    body       jsonb NOT NULL,              -- `type` and what goes with it; the id is added
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    sent_at    timestamptz,                 -- last
    next_at    timestamptz DEFAULT now()    -- null: answered, or sent often enough
);
CREATE INDEX device_command_of ON device_command (device_id, id);
CREATE INDEX device_command_due ON device_command (next_at) WHERE next_at IS NOT NULL;
