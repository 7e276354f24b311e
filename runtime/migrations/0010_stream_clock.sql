-- The stream clock: when each state has something to say though nothing comes, and how far the clock has been heard.

ALTER TABLE engine_state ADD COLUMN due timestamptz; -- event time; null: nothing is due
ALTER TABLE engine_state ALTER COLUMN last_ts DROP NOT NULL; -- a device of which every reading so far was refused
-- Of the states that are there nobody has asked: the first tick does.
UPDATE engine_state SET due = last_ts;
CREATE INDEX engine_state_due ON engine_state (due);

CREATE TABLE engine_clock (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    heard      timestamptz,     -- the latest instant by which silences were told: the clock never falls behind it
    live_since timestamptz,     -- wall clock: since when readings have been arriving live, without an outage
    live_until timestamptz      -- wall clock: when that was last seen, to some seconds
);
INSERT INTO engine_clock DEFAULT VALUES;

-- Rows of roads, for the evidence of overspeed.
ALTER TABLE engine_frame ADD COLUMN road_ids text[] NOT NULL DEFAULT '{}';
