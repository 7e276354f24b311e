-- When kitchens cook (meal hours), dated and editable; what the figures say of meals and of power protection.
-- Old code survives it: additions with defaults. What was counted before is counted anew by `fleetfume kitchens count`.

CREATE TABLE meal_hours (
    scope      text NOT NULL CHECK (scope IN ('default', 'trade', 'outlet')),
    subject    text NOT NULL DEFAULT '',            -- a word of the name or trade; an outlet's id; '' for all
    valid_from date NOT NULL,                       -- until the next one of the same scope and subject
    hours      text NOT NULL,                       -- 10:30-13:30, several with ;
    confirmed  boolean NOT NULL DEFAULT false,      -- did somebody see it there?
    source     text NOT NULL,
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, subject, valid_from),
    CHECK ((scope = 'default') = (subject = ''))
);
INSERT INTO meal_hours (scope, subject, valid_from, hours, source, set_by) VALUES
    ('default', '', '2000-01-01', '10:30-13:30;16:30-20:30', 'design value; no measured source was found', 'fleetfume'),
    ('trade', '早餐', '2000-01-01', '05:30-09:00', 'design value; no measured source was found', 'fleetfume'),
    ('trade', '烧烤', '2000-01-01', '17:30-01:00', 'design value; no measured source was found', 'fleetfume');

ALTER TABLE fume_10min
    ADD COLUMN meal boolean NOT NULL DEFAULT false,     -- begins within the meal hours, as they were when it was counted
    ADD COLUMN fan_only integer NOT NULL DEFAULT 0;     -- believed: the fan on, the purifier not
ALTER TABLE fume_day
    ADD COLUMN meal_heard integer NOT NULL DEFAULT 0,   -- ten minutes of open meal hours with a reading
    ADD COLUMN protected integer NOT NULL DEFAULT 0;    -- ten minutes in power protection
