# syntax=docker/dockerfile:1
# One image per program. Each contains only what that program imports:
#   docker build --target gateway|node-runner|node-runner-gpu|browser-runner|browser-runner-gpu|generator .
# Node runs the TypeScript directly. Only the browser pages are built.

ARG NODE_IMAGE=node:24-bookworm-slim

# ── The locked packages, without development tools and the packaged Node of the npm scripts ───────
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev && npm pkg delete optionalDependencies && npm prune --omit=dev

FROM packages AS gateway-packages
RUN npm pkg delete "dependencies.@huggingface/transformers" dependencies.onnxruntime-node "dependencies.@faker-js/faker" dependencies.csv-parse dependencies.puppeteer \
    && npm prune --omit=dev
# A peer of @qdrant/js-client-rest, for its types only.
RUN rm -rf node_modules/typescript node_modules/@typescript

FROM packages AS node-runner-packages
RUN npm pkg delete "dependencies.@hono/node-server" "dependencies.@hono/zod-openapi" "dependencies.@qdrant/js-client-rest" "dependencies.@faker-js/faker" \
      dependencies.csv-parse dependencies.hono dependencies.kafkajs dependencies.snappyjs dependencies.prom-client \
      dependencies.sqlite-vec dependencies.yaml dependencies.puppeteer dependencies.selfsigned \
    && npm prune --omit=dev
# Node never loads the runtime for browsers. It loads only this platform's native runtime.
RUN rm -rf node_modules/onnxruntime-web \
    && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} +

FROM packages AS browser-runner-packages
RUN npm pkg delete "dependencies.@huggingface/transformers" dependencies.onnxruntime-node "dependencies.@hono/node-server" "dependencies.@hono/zod-openapi" \
      "dependencies.@qdrant/js-client-rest" "dependencies.@faker-js/faker" dependencies.csv-parse dependencies.hono dependencies.kafkajs dependencies.snappyjs \
      dependencies.prom-client dependencies.sqlite-vec dependencies.ws dependencies.yaml dependencies.selfsigned \
    && npm prune --omit=dev

FROM packages AS generator-packages
RUN npm pkg delete "dependencies.@huggingface/transformers" dependencies.onnxruntime-node "dependencies.@hono/node-server" "dependencies.@hono/zod-openapi" \
      "dependencies.@qdrant/js-client-rest" dependencies.csv-parse dependencies.hono dependencies.prom-client dependencies.sqlite-vec dependencies.ws \
      dependencies.puppeteer dependencies.selfsigned \
    && npm prune --omit=dev

# ── The browser pages, which the gateway serves ───────────────────────────────────────────────────
FROM ${NODE_IMAGE} AS pages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json vite.config.ts ./
COPY scripts/build-pages.mjs scripts/hand-over.mjs scripts/compress-pages.ts \
     scripts/write-precache.ts scripts/write-api-reference.ts scripts/slow-tests-first.ts ./scripts/
COPY core ./core
COPY client ./client
COPY pages ./pages
RUN node scripts/build-pages.mjs

# ── The base of every program ─────────────────────────────────────────────────────────────────────
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production LOG_FORMAT=json
WORKDIR /app
# 1000 is the image's user "node". A number lets Kubernetes check that the user is not root.
RUN mkdir /data && chown 1000:1000 /data
COPY package.json ./
COPY core ./core
COPY system ./system

# ── Gateway: accepts events, stores the index, answers searches. It embeds nothing itself ─────────
FROM base AS gateway
COPY --from=gateway-packages /app/node_modules ./node_modules
# Served to browsers: the pages and their model.
COPY --from=pages /app/dist/pages ./dist/pages
COPY models ./models
# The runbooks, to which the alerts link.
COPY docs/operations.md ./docs/operations.md
COPY kafka ./kafka
COPY gateway ./gateway
ENV VECTORSTREAM_PORT=8080 VECTORSTREAM_DATA_DIR=/data VECTORSTREAM_RUNNERS=0
VOLUME /data
EXPOSE 8080
USER 1000:1000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch(`${process.env.VECTORSTREAM_TLS_CERT ? 'https' : 'http'}://127.0.0.1:${process.env.VECTORSTREAM_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "gateway/main.ts"]

# ── Runner: turns texts into vectors for its configured gateways ──────────────────────────────────
FROM base AS node-runner
COPY --from=node-runner-packages /app/node_modules ./node_modules
COPY models ./models
COPY node-runner ./node-runner
COPY deploy/runner-health.ts ./deploy/
ENV VECTORSTREAM_DATA_DIR=/data
VOLUME /data
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD ["node", "deploy/runner-health.ts"]
CMD ["node", "node-runner/main.ts"]

# ── The same with a Vulkan loader, for a GPU that the host provides ───────────────────────────────
FROM node-runner AS node-runner-gpu
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends libvulkan1 libegl1 libxext6 && rm -rf /var/lib/apt/lists/*
USER 1000:1000
# Without "graphics", the NVIDIA runtime provides no Vulkan driver, and WebGPU finds no adapter.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility VECTORSTREAM_RUNNER_DEVICE=webgpu

# ── Browser runner: the gateway's runner page in a headless Chromium; page and model come from the gateway ────────────
FROM base AS browser-runner
RUN apt-get update && apt-get install --yes --no-install-recommends chromium && rm -rf /var/lib/apt/lists/*
COPY --from=browser-runner-packages /app/node_modules ./node_modules
COPY browser-runner ./browser-runner
COPY deploy/browser-runner-health.ts ./deploy/
# The container is the sandbox. Chromium's own needs rights that a container does not give. The browser
# opens only the gateway's page.
ENV VECTORSTREAM_DATA_DIR=/data PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium VECTORSTREAM_BROWSER_SANDBOX=off HOME=/data
VOLUME /data
USER 1000:1000
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 CMD ["node", "deploy/browser-runner-health.ts"]
CMD ["node", "browser-runner/main.ts"]

# ── The same for a GPU that the host provides ─────────────────────────────────────────────────────
FROM browser-runner AS browser-runner-gpu
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends libvulkan1 libegl1 libxext6 && rm -rf /var/lib/apt/lists/*
USER 1000:1000
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility VECTORSTREAM_RUNNER_DEVICE=webgpu

# ── Generator: events of a synthetic shop; runs and ends ──────────────────────────────────────────
FROM base AS generator
COPY --from=generator-packages /app/node_modules ./node_modules
COPY kafka ./kafka
COPY client ./client
COPY cli ./cli
USER 1000:1000
HEALTHCHECK NONE
ENTRYPOINT ["node", "cli/generator/generate.ts"]
CMD ["--help"]
