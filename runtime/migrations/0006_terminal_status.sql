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

-- Commands to send down. A collector publishes what is not sent yet; a crash between the two sends it again, under the same id.
CREATE TABLE device_command (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  text NOT NULL,
    body       jsonb NOT NULL,              -- `type` and whatever goes with it; the id is added
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz                  -- handed to the broker's connection
);
CREATE INDEX device_command_of ON device_command (device_id, id);
CREATE INDEX device_command_unsent ON device_command (id) WHERE sent_at IS NULL;
