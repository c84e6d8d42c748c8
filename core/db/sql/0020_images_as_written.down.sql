ALTER TABLE change ALTER COLUMN after TYPE jsonb USING after::jsonb;
