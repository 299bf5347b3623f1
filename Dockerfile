# Every RUN and COPY of this file is carried out by scripts/runbook/container.ts, without a container engine.
ARG NODE=24-bookworm-slim

FROM node:${NODE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY protocol protocol/
COPY server server/
RUN node scripts/build.mjs && find dist ! -type d ! -name '*.js' -delete

FROM node:${NODE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
# Nothing is compiled: lmdb comes built. Install scripts are code of strangers.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:${NODE}
# Reached from outside the container only where a port is published. Without credentials configured anybody who reaches
# it may call, and a log line warns.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=41241
WORKDIR /app
COPY --from=dependencies /build/node_modules node_modules/
COPY --from=build /build/dist dist/
COPY package.json LICENSE ./
# Where sessions live without Redis: ./data, the only place that is written to.
RUN mkdir data && chown 1000:1000 data
VOLUME /app/data
# `node` of the image, as a number so that Kubernetes can tell that it is not root.
USER 1000:1000
EXPOSE 41241
# Alive, not ready: whoever restarts what is unhealthy must not do so because Redis is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/server/main.js"]
CMD ["serve"]
