# One file for every service: docker build --build-arg APP=auth-server .
ARG NODE_IMAGE=node:24-trixie-slim
ARG DEBIAN_IMAGE=debian:trixie-slim
# All added files get the modification time zero, so that the same sources make the same layers on every machine. A
# build setting would not suffice, since the build cache ignores times.

FROM ${NODE_IMAGE} AS node

# Only the manifests, so that dependencies are installed again only if a manifest changed.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS manifests
WORKDIR /lanyard
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /lanyard
COPY --from=manifests /lanyard .
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.base.json .
COPY libs libs
COPY apps apps
RUN npx tsc -b apps/auth-server apps/jobs-api apps/batch-processor apps/forward-auth apps/jobs-cli apps/lanyard-cli \
  && find libs apps -path '*/dist/*' -name '*.js' ! -path '*/node_modules/*' -exec cp --parents -t /srv {} +

# The files that one app needs to run. None depends on the processor architecture; tests check this.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS production
ARG APP
WORKDIR /lanyard
COPY --from=manifests /lanyard .
RUN --mount=type=cache,target=/root/.npm \
  npm pkg delete devDependencies --workspaces \
  && npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --workspace=apps/$APP \
  && find apps -mindepth 1 -maxdepth 1 ! -name $APP -exec rm -r {} + \
  && rm -r libs/testing libs/embedded-postgres libs/local-system libs/attacks bench tools package-lock.json \
  && find . -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete \
  && find node_modules/@lanyard -xtype l -delete
COPY --from=build /srv/libs libs
COPY --from=build /srv/apps/$APP apps/$APP
# File modes come from the working copy, and so depend on the umask of its owner.
RUN chmod -R u=rwX,go=rX . && find . -exec touch --no-dereference --date=@0 {} +

# Only Node: npm and similar tools are for building. No file of the repository, so that concurrent builds share the
# layer.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS node-only
COPY --from=node /usr/local/bin/node /runtime/usr/local/bin/
RUN find /runtime -exec touch --date=@0 {} +

FROM ${DEBIAN_IMAGE} AS runtime
COPY --from=node-only /runtime /
# 60 per cent of the container's memory limit for the heap: the rest is for buffers, code and threads.
ENV NODE_ENV=production HOST=0.0.0.0 NODE_OPTIONS=--max-old-space-size-percentage=60

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS gateway-settings
COPY --chmod=644 deploy/gateway/haproxy.cfg /gateway/etc/haproxy/
RUN find /gateway -exec touch --date=@0 {} +

# One address for all replicas of a service.
FROM ${DEBIAN_IMAGE} AS gateway
# Logs are emptied, not removed: the layer's marker for a removed file carries the time.
RUN start=$(date +%s) \
  && apt-get update && apt-get install -y --no-install-recommends haproxy \
  && apt-get clean && find /run /var/lib/apt/lists -type f -delete \
  && find /var/cache/ldconfig /var/log -type f -newermt @$start -exec truncate --size=0 {} + \
  && find /etc /run /tmp /usr /var -xdev -newermt @$start ! -path /etc/hosts ! -path /etc/resolv.conf \
    -exec touch --no-dereference --date=@0 {} +
COPY --from=gateway-settings /gateway /
USER haproxy
STOPSIGNAL SIGUSR1
# Standard error shows faults of the configuration at start. Later it only reports replicas that come or go, which is
# normal here, so it is discarded. Standard output shows the requests that the gateway refuses.
ENTRYPOINT ["sh", "-c", "haproxy -c \"$@\" && exec haproxy -db \"$@\" 2>/dev/null", "haproxy", "-f", "/etc/haproxy/haproxy.cfg"]
LABEL org.opencontainers.image.title="Lanyard: gateway" org.opencontainers.image.licenses=MIT

FROM runtime
ARG APP
COPY --from=production /lanyard /lanyard
WORKDIR /lanyard/apps/$APP
USER 1000:1000
ENTRYPOINT ["node", "dist/main.js"]
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Lanyard: ${APP}" \
  org.opencontainers.image.description="Machine-to-machine authorization that a team can run, trust and understand" \
  org.opencontainers.image.licenses=MIT \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
