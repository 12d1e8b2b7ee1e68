-- Sets up an empty Postgres: a database for each service, with a role that owns it for migrations, and a role that
-- reads and writes rows. The passwords come from the files $CREDENTIALS/<role>.
\set auth_owner_password `cat "$CREDENTIALS/lanyard_auth_owner"`
\set auth_service_password `cat "$CREDENTIALS/lanyard_auth_service"`
\set jobs_owner_password `cat "$CREDENTIALS/lanyard_jobs_owner"`
\set jobs_service_password `cat "$CREDENTIALS/lanyard_jobs_service"`

CREATE ROLE lanyard_auth_owner LOGIN PASSWORD :'auth_owner_password';
CREATE ROLE lanyard_auth_service LOGIN PASSWORD :'auth_service_password';
CREATE DATABASE lanyard_auth OWNER lanyard_auth_owner;
REVOKE ALL ON DATABASE lanyard_auth FROM PUBLIC;
GRANT CONNECT ON DATABASE lanyard_auth TO lanyard_auth_service;

CREATE ROLE lanyard_jobs_owner LOGIN PASSWORD :'jobs_owner_password';
CREATE ROLE lanyard_jobs_service LOGIN PASSWORD :'jobs_service_password';
CREATE DATABASE lanyard_jobs OWNER lanyard_jobs_owner;
REVOKE ALL ON DATABASE lanyard_jobs FROM PUBLIC;
GRANT CONNECT ON DATABASE lanyard_jobs TO lanyard_jobs_service;

\connect lanyard_auth
GRANT USAGE ON SCHEMA public TO lanyard_auth_service;
ALTER DEFAULT PRIVILEGES FOR ROLE lanyard_auth_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lanyard_auth_service;
ALTER DEFAULT PRIVILEGES FOR ROLE lanyard_auth_owner GRANT USAGE ON SEQUENCES TO lanyard_auth_service;

\connect lanyard_jobs
GRANT USAGE ON SCHEMA public TO lanyard_jobs_service;
ALTER DEFAULT PRIVILEGES FOR ROLE lanyard_jobs_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lanyard_jobs_service;
ALTER DEFAULT PRIVILEGES FOR ROLE lanyard_jobs_owner GRANT USAGE ON SEQUENCES TO lanyard_jobs_service;
