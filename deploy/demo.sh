#!/bin/sh
# The example data as jobs, each file once; then what to do next.
set -eu
node dist/main.js submit --once --timeout 120 /data/*.csv
cat <<END

Ready: auth-server at $ISSUER, batch-processor at $BATCH_PROCESSOR_RESOURCE, jobs-api at $JOBS_API_RESOURCE/docs

Try it, in another terminal, in this folder:
  docker compose run --rm lanyard token get --client-id batch-processor
  docker compose run --rm jobs list
  docker compose run --rm jobs report columns
  docker compose run --rm lanyard doctor
END
