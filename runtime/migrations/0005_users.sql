-- Who may use the console, and the key that signs their tokens.

CREATE TABLE console_user (
    name          text PRIMARY KEY,
    role          text NOT NULL CHECK (role IN ('duty', 'squad', 'reviewer', 'admin', 'viewer')),
    password_hash text NOT NULL,            -- argon2id
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

CREATE TABLE service_secret (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
