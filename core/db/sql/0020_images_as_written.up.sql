-- What a change leaves behind is kept as the text it came as: nothing looks into it but readers of single changes. Every
-- row is written again, under an exclusive lock.
ALTER TABLE change ALTER COLUMN after TYPE json USING after::json;
