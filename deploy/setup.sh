#!/bin/sh
# Creates random credentials in the volume "credentials", in a folder per service; existing ones stay.
set -eu
umask 077
cd /credentials

service=1000 # the user of Lanyard's images
postgres=$(id -u postgres)

# put FILE: writes standard input to the file
put() {
  cat >"$1.new"
  mv "$1.new" "$1"
}
# keep FILE: likewise, unless the file exists
keep() {
  if [ -s "$1" ]; then return; fi
  put "$1"
  echo "created: $1"
}
random_hex() { head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n'; }
url() { printf 'postgres://%s:%s@postgres:5432/%s' "$1" "$(cat "postgres/$1")" "$2"; }

mkdir -p postgres auth-server auth-migration jobs-api jobs-migration
for role in superuser lanyard_auth_owner lanyard_auth_service lanyard_jobs_owner lanyard_jobs_service; do
  random_hex | keep "postgres/$role"
done
printf %s "${AUTH_DATABASE_URL:-$(url lanyard_auth_service lanyard_auth)}" | put auth-server/database_url
printf %s "${AUTH_MIGRATION_DATABASE_URL:-$(url lanyard_auth_owner lanyard_auth)}" | put auth-migration/database_url
printf %s "${JOBS_DATABASE_URL:-$(url lanyard_jobs_service lanyard_jobs)}" | put jobs-api/database_url
printf %s "${JOBS_MIGRATION_DATABASE_URL:-$(url lanyard_jobs_owner lanyard_jobs)}" | put jobs-migration/database_url
head -c 32 /dev/urandom | base64 | keep auth-migration/key_encryption_key
put auth-server/key_encryption_key <auth-migration/key_encryption_key

chown -R "$postgres" postgres
chown -R "$service" auth-server auth-migration jobs-api jobs-migration /client-secrets
chmod 755 . # each service sees only its own folder
echo "credentials are in place"
echo "the gateway uses the ports $PORTS: if one is taken, choose another in .env"
