#!/bin/sh
# Submits the example data as jobs, each file once, then prints the next steps.
set -eu
node dist/main.js submit --once --timeout 120 /data/*.csv

case $API_DOCS in true | 1) docs=/docs ;; *) docs= ;; esac
# The commands of the next steps need settings that differ from the defaults.
settings=$(echo $PORTS)
if [ "$PROJECT" != lanyard ]; then settings="COMPOSE_PROJECT_NAME=$PROJECT $settings"; fi
cat <<END

Ready: auth-server at $ISSUER$docs, batch-processor at $BATCH_PROCESSOR_RESOURCE, jobs-api at $JOBS_API_RESOURCE$docs

Try it, in another terminal, in this folder:${settings:+
  export $settings}
  docker compose run --rm lanyard token get --client-id batch-processor
  curl -s -u "batch-processor:\$(docker compose run --rm --entrypoint cat lanyard /run/clients/batch-processor/client_secret)" -d grant_type=client_credentials $ISSUER/oauth/token
  docker compose run --rm jobs list
  docker compose run --rm jobs report columns
  docker compose run --rm lanyard doctor
END
