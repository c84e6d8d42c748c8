DROP TABLE documents_version;
DROP TABLE documents_document;
DROP TABLE documents_folder;
