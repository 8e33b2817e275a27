-- The databases and roles of HolmOS. The postgres image runs this once, on an empty volume, as the
-- superuser of POSTGRES_USER in the database of POSTGRES_DB (holm), both of which it has made before.

-- The password comes from the environment, so that it stands in no file, and no error writes it to
-- the server's log.
\getenv password POSTGRES_PASSWORD
SET log_min_error_statement = panic;

-- The owner of a database may do everything in it. Since PostgreSQL 15 nobody else may create
-- tables in its schema "public".
CREATE ROLE holm LOGIN PASSWORD :'password';
ALTER DATABASE holm OWNER TO holm;
CREATE DATABASE backups OWNER holm;
