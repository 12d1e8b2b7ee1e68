#!/bin/sh
# Debian's pgbouncer in front of the container postgres, for the roles whose passwords are in /run/credentials.
set -eu
umask 077
for role in lanyard_auth_owner lanyard_auth_service lanyard_jobs_owner lanyard_jobs_service; do
  echo "\"$role\" \"$(cat /run/credentials/$role)\""
done >/tmp/users.txt
cat >/tmp/pgbouncer.ini <<END
[databases]
* = host=postgres port=5432
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /tmp/users.txt
pool_mode = transaction
ignore_startup_parameters = $IGNORE_STARTUP_PARAMETERS
END
chown postgres /tmp/users.txt /tmp/pgbouncer.ini
exec setpriv --reuid=postgres --regid=postgres --clear-groups pgbouncer /tmp/pgbouncer.ini
