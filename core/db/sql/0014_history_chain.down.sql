DROP FUNCTION history_reaches(bigint[], bigint, bigint);
ALTER TABLE firm DROP COLUMN history_from_at;
DROP TABLE legal_hold, history_progress, history_seal;
DROP FUNCTION add_change_partition(date);

DO $$
DECLARE
    definitions text[] := ARRAY(
        SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE tablename = 'change'
    );
    definition text;
BEGIN
    ALTER TABLE change RENAME TO change_by_month;
    CREATE TABLE change (LIKE change_by_month INCLUDING DEFAULTS);
    ALTER SEQUENCE change_id_seq OWNED BY change.id;
    INSERT INTO change SELECT * FROM change_by_month;
    DROP TABLE change_by_month;
    ALTER TABLE change ADD PRIMARY KEY (id);
    FOREACH definition IN ARRAY definitions LOOP
        EXECUTE definition;
    END LOOP;
END $$;
