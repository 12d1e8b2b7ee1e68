# One file for every service: docker build --build-arg APP=auth-server .
ARG NODE_IMAGE=node:24-trixie-slim
ARG DEBIAN_IMAGE=debian:trixie-slim
# All files that are added get one time, that of zero: the same sources make the same layers, whoever builds them. A setting
# would not do, since the build cache knows nothing of times.

FROM ${NODE_IMAGE} AS node

# The manifests alone, so that dependencies are installed anew only where one of them changed.
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
RUN npx tsc -b apps/auth-server apps/jobs-api apps/batch-processor apps/jobs-cli apps/lanyard-cli \
  && find libs apps -path '*/dist/*' -name '*.js' ! -path '*/node_modules/*' -exec cp --parents -t /srv {} +

# What one app needs to run. Nothing in it depends on the processor, as tests see to.
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
# Modes are those of the working copy, and so of somebody's umask.
RUN chmod -R u=rwX,go=rX . && find . -exec touch --no-dereference --date=@0 {} +

# Node alone: npm and its like are for building. No file of the repository, so that builds at the same time share the layer.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS node-alone
COPY --from=node /usr/local/bin/node /runtime/usr/local/bin/
RUN find /runtime -exec touch --date=@0 {} +

FROM ${DEBIAN_IMAGE} AS runtime
COPY --from=node-alone /runtime /
# Of the memory that the container may have: the rest is for buffers, code and threads.
ENV NODE_ENV=production HOST=0.0.0.0 NODE_OPTIONS=--max-old-space-size-percentage=60

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS gateway-settings
COPY --chmod=644 deploy/gateway/haproxy.cfg /gateway/etc/haproxy/
RUN find /gateway -exec touch --date=@0 {} +

# One address for all replicas of a service.
FROM ${DEBIAN_IMAGE} AS gateway
# Logs are emptied, not removed: the mark that a layer has for a removed file carries the time.
RUN start=$(date +%s) \
  && apt-get update && apt-get install -y --no-install-recommends haproxy \
  && apt-get clean && find /run /var/lib/apt/lists -type f -delete \
  && find /var/cache/ldconfig /var/log -type f -newermt @$start -exec truncate --size=0 {} + \
  && find /etc /run /tmp /usr /var -xdev -newermt @$start ! -path /etc/hosts ! -path /etc/resolv.conf \
    -exec touch --no-dereference --date=@0 {} +
COPY --from=gateway-settings /gateway /
USER haproxy
STOPSIGNAL SIGUSR1
# It warns of faults of its configuration, and later of each replica that comes or goes: that is no warning here. Standard
# output has the requests that it refuses.
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
