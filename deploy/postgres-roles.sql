-- A role and a database each for Dagster and the product catalogue; neither can enter the other's.
-- Passwords come from the environment and are in no log, not even that of a statement that fails.
SET log_min_error_statement = panic;
\set dagster_password `printenv DAGSTER_POSTGRES_PASSWORD`
\set catalog_password `printenv CATALOG_POSTGRES_PASSWORD`

CREATE ROLE dagster LOGIN PASSWORD :'dagster_password';
CREATE DATABASE dagster OWNER dagster;
REVOKE CONNECT ON DATABASE dagster FROM PUBLIC;

-- pgstac's own role of those who write; its migration, which needs the superuser, gives it rights
CREATE ROLE pgstac_ingest;
CREATE ROLE catalog LOGIN PASSWORD :'catalog_password' IN ROLE pgstac_ingest;
CREATE DATABASE catalog;
REVOKE CONNECT ON DATABASE catalog FROM PUBLIC;
GRANT CONNECT ON DATABASE catalog TO catalog;
