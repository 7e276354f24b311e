-- Leads on their whole way, from an alert to a decision: who may move one where, who signs it off, what is found
-- on the spot. The database refuses what the code should never ask for. Older code survives it.

ALTER TABLE console_user ADD COLUMN squad text;      -- as `jurisdiction.squad` names it

ALTER TABLE lead
    ADD COLUMN squad         text,                   -- of the place, as the register said when the lead was opened
    ADD COLUMN receiver      text CHECK (receiver IN ('police', 'traffic_police', 'procuratorate', 'ecology', 'other_district')),
    ADD COLUMN decision      jsonb,
    ADD COLUMN outcome       text,
    ADD COLUMN due_on        date,                   -- by when the present state should be left
    ADD COLUMN due_basis     text,
    ADD COLUMN merged_into   bigint REFERENCES lead,
    ADD COLUMN split_from    bigint REFERENCES lead,
    ADD COLUMN moved_by      text,                   -- who made the last move
    ADD COLUMN handled_by    text[] NOT NULL DEFAULT '{}',  -- who verified, confirmed or filed it: they do not review it
    ADD COLUMN review_levels text[] NOT NULL DEFAULT '{}',  -- the list as it stood when the case was filed
    ADD COLUMN review_round  integer NOT NULL DEFAULT 0;
CREATE INDEX lead_squad ON lead (squad, state);
CREATE INDEX lead_due ON lead (due_on) WHERE due_on IS NOT NULL;

-- alerts/moves.py holds the same table; a test compares them. Admins may make any of these moves.
CREATE TABLE lead_move (
    before text NOT NULL,
    after  text NOT NULL,
    roles  text[] NOT NULL,
    PRIMARY KEY (before, after)
);
INSERT INTO lead_move VALUES
    ('new', 'assigned', '{duty}'),
    ('assigned', 'verifying', '{squad}'),
    ('verifying', 'unfounded', '{squad}'),
    ('verifying', 'confirmed', '{squad}'),
    ('confirmed', 'filed', '{squad,reviewer}'),
    ('confirmed', 'transferred', '{duty,squad,reviewer}'),
    ('filed', 'transferred', '{squad,reviewer}'),
    ('filed', 'decided', '{reviewer}'),
    ('decided', 'closed', '{duty,squad,reviewer}'),
    ('transferred', 'closed', '{duty,squad,reviewer}'),
    ('transferred', 'confirmed', '{duty,squad,reviewer}'),   -- the receiver sent it back
    ('unfounded', 'assigned', '{duty}'),                     -- reopened
    ('closed', 'assigned', '{duty}');                        -- reopened

-- The sign-offs a filed case needs, in order. Editable; a case keeps the list it was filed with.
CREATE TABLE review_level (
    position integer PRIMARY KEY,
    level    text NOT NULL UNIQUE CHECK (level ~ '^[a-z][a-z0-9_]{0,31}$'),
    label_zh text NOT NULL,
    label_en text NOT NULL,
    roles    text[] NOT NULL
);
INSERT INTO review_level VALUES
    (1, 'handler', '承办人', 'Handler', '{squad,reviewer}'),
    (2, 'squad_leader', '中队负责人', 'Squad leader', '{reviewer}'),
    (3, 'legal', '法制审核', 'Legal review', '{reviewer}'),
    (4, 'deputy_director', '分管领导', 'Deputy director', '{reviewer}'),
    (5, 'case_committee', '案审委', 'Case committee', '{reviewer}');

CREATE TABLE lead_review (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id  bigint NOT NULL REFERENCES lead,
    round    integer NOT NULL,                 -- a return begins the next round, at the first level
    position integer NOT NULL,
    level    text NOT NULL,
    verdict  text NOT NULL CHECK (verdict IN ('approve', 'return')),
    reviewer text NOT NULL REFERENCES console_user,
    note     text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (lead_id, round, position),
    UNIQUE (lead_id, round, reviewer)          -- nobody signs above himself
);

CREATE FUNCTION role_of(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT role FROM console_user WHERE console_user.name = role_of.name AND disabled_at IS NULL
$$;

CREATE FUNCTION check_lead_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mover text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'new' OR NEW.merged_into IS NOT NULL THEN
            RAISE check_violation USING MESSAGE = format('a lead begins as new, not %s', NEW.state);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.merged_into IS NOT NULL AND (NEW.state, NEW.merged_into) IS DISTINCT FROM (OLD.state, OLD.merged_into) THEN
        RAISE check_violation USING MESSAGE = format('lead %s was merged into %s and moves no more', OLD.id, OLD.merged_into);
    END IF;
    IF NEW.handled_by IS DISTINCT FROM OLD.handled_by OR NEW.review_levels IS DISTINCT FROM OLD.review_levels THEN
        RAISE check_violation USING MESSAGE = 'who handled a lead, and who reviews it, follows from its moves';
    END IF;
    IF NEW.state = OLD.state AND NEW.merged_into IS NOT DISTINCT FROM OLD.merged_into THEN
        RETURN NEW;
    END IF;
    IF NEW.merged_into IS NOT NULL THEN
        IF NEW.state <> 'closed' OR OLD.state NOT IN ('new', 'assigned', 'verifying', 'confirmed') THEN
            RAISE check_violation USING MESSAGE = format('a lead that is %s cannot be merged', OLD.state);
        END IF;
        RETURN NEW;
    END IF;
    mover := role_of(NEW.moved_by);
    IF NOT EXISTS (SELECT FROM lead_move WHERE before = OLD.state AND after = NEW.state
                      AND (mover = 'admin' OR mover = ANY(roles))) THEN
        RAISE check_violation USING MESSAGE = format('lead %s cannot be moved from %s to %s by %s (%s)', OLD.id, OLD.state,
            NEW.state, coalesce(NEW.moved_by, 'nobody'), coalesce(mover, 'no user'));
    END IF;
    CASE NEW.state
    WHEN 'verifying', 'unfounded', 'confirmed' THEN
        IF OLD.state <> 'transferred' THEN
            NEW.handled_by := array(SELECT DISTINCT unnest(OLD.handled_by || NEW.moved_by) ORDER BY 1);
        END IF;
    WHEN 'filed' THEN
        NEW.handled_by := array(SELECT DISTINCT unnest(OLD.handled_by || NEW.moved_by) ORDER BY 1);
        NEW.review_levels := array(SELECT level FROM review_level ORDER BY position);
        NEW.review_round := OLD.review_round + 1;
    WHEN 'transferred' THEN
        IF NEW.receiver IS NULL THEN
            RAISE check_violation USING MESSAGE = 'a transfer needs a receiver';
        END IF;
    WHEN 'decided' THEN
        IF (SELECT count(*) FROM lead_review WHERE lead_id = NEW.id AND round = NEW.review_round AND verdict = 'approve')
               < cardinality(NEW.review_levels) THEN
            RAISE check_violation USING MESSAGE = format('lead %s has not passed every review level', NEW.id);
        END IF;
    ELSE
        NULL;
    END CASE;
    RETURN NEW;
END $$;
CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION check_lead_move();

CREATE FUNCTION check_lead_review() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_lead lead;
    signed  integer;
    signer  text := role_of(NEW.reviewer);
BEGIN
    SELECT * INTO of_lead FROM lead WHERE id = NEW.lead_id FOR UPDATE;
    IF of_lead.state <> 'filed' THEN
        RAISE check_violation USING MESSAGE = format('lead %s is %s: only what is filed is reviewed', NEW.lead_id, of_lead.state);
    END IF;
    SELECT count(*) INTO signed FROM lead_review WHERE lead_id = NEW.lead_id AND round = of_lead.review_round;
    IF NEW.round <> of_lead.review_round OR NEW.position <> signed + 1
           OR of_lead.review_levels[signed + 1] IS DISTINCT FROM NEW.level THEN
        RAISE check_violation USING MESSAGE = format('lead %s: it is not %s''s turn', NEW.lead_id, NEW.level);
    END IF;
    IF NEW.reviewer = ANY(of_lead.handled_by) THEN
        RAISE check_violation USING MESSAGE = format('%s handled lead %s and cannot review it', NEW.reviewer, NEW.lead_id);
    END IF;
    IF signer IS DISTINCT FROM 'admin' AND NOT EXISTS (SELECT FROM review_level WHERE level = NEW.level AND signer = ANY(roles)) THEN
        RAISE check_violation USING MESSAGE = format('%s does not sign as %s', NEW.reviewer, NEW.level);
    END IF;
    IF NEW.verdict = 'return' THEN
        UPDATE lead SET review_round = review_round + 1 WHERE id = NEW.lead_id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER turns BEFORE INSERT ON lead_review FOR EACH ROW EXECUTE FUNCTION check_lead_review();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lead_review
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The journal goes on where it ended, whoever writes.
CREATE FUNCTION check_journal_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last lead_journal;
BEGIN
    SELECT * INTO last FROM lead_journal WHERE lead_id = NEW.lead_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(last.seq, 0) + 1 OR NEW.prev_hash <> coalesce(last.hash, '') THEN
        RAISE check_violation USING MESSAGE = format('journal of lead %s: entry %s does not follow', NEW.lead_id, NEW.seq);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER follows BEFORE INSERT ON lead_journal FOR EACH ROW EXECUTE FUNCTION check_journal_entry();

-- Pictures taken on the spot, by the SHA-256 of their bytes.
CREATE TABLE attachment (
    hash         text PRIMARY KEY,
    content_type text NOT NULL,
    content      bytea NOT NULL
);
CREATE TABLE lead_photo (
    lead_id       bigint NOT NULL REFERENCES lead,
    hash          text NOT NULL REFERENCES attachment,
    name          text NOT NULL,
    note          text NOT NULL,
    uploaded_by   text NOT NULL,
    uploaded_at   timestamptz NOT NULL DEFAULT now(),
    taken_at      timestamptz,                 -- EXIF; null: the picture does not say
    lat           double precision,
    lon           double precision,
    from_place_m  double precision,            -- from the lead's place
    time_agrees   boolean,                     -- taken after the behaviour began, and before it was uploaded
    place_agrees  boolean,
    PRIMARY KEY (lead_id, hash)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attachment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lead_photo
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- By when. `confirmed` false: an officer must check the number against the text named in `basis`.
CREATE TABLE deadline (
    subject   text PRIMARY KEY,                -- a lead's state, or a transfer's step
    days      integer NOT NULL CHECK (days BETWEEN 1 AND 400),
    counted   text NOT NULL CHECK (counted IN ('working', 'calendar')),
    basis     text NOT NULL,
    as_of     date NOT NULL,
    confirmed boolean NOT NULL DEFAULT false
);
INSERT INTO deadline VALUES
    ('new', 1, 'working', '本系统建议：当日或次一工作日派发', '2026-11-23', false),
    ('assigned', 2, 'working', '本系统建议', '2026-11-23', false),
    ('verifying', 5, 'working', '本系统建议', '2026-11-23', false),
    ('confirmed', 7, 'working', '本系统建议', '2026-11-23', false),
    ('filed', 90, 'calendar', '《行政处罚法》第六十条：自立案之日起九十日内作出处罚决定', '2026-11-23', false),
    ('transfer_out', 3, 'working', '《济南市城市建筑垃圾管理条例》第四十二条：三个工作日内移交', '2026-11-23', false),
    ('transfer_feedback', 7, 'working', '《济南市城市建筑垃圾管理条例》第四十二条：七个工作日内告知', '2026-11-23', false);

-- Days that differ from the library's calendar, or from years it does not know yet.
CREATE TABLE calendar_day (
    day     date PRIMARY KEY,
    working boolean NOT NULL,
    note    text NOT NULL DEFAULT ''
);
