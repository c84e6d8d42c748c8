DROP TABLE matters_matter;
