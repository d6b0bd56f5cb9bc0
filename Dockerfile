# syntax=docker/dockerfile:1
# One image per program, each with what that program imports and nothing else:
#   docker build --target gateway|node-runner|node-runner-gpu|generator .
# Node runs the TypeScript as it is; there is no build step.

ARG NODE_IMAGE=node:24-bookworm-slim

# ── The locked packages, without development tools and the Node that npm scripts bring along ────────────────
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
      dependencies.csv-parse dependencies.hono dependencies.kafkajs dependencies.lz4js dependencies.snappyjs dependencies.prom-client \
      dependencies.sqlite-vec dependencies.yaml dependencies.puppeteer dependencies.selfsigned dependencies.hono-rate-limiter \
    && npm prune --omit=dev
# The runtime for browsers is never loaded in Node; of the native ones only this platform's is.
RUN rm -rf node_modules/onnxruntime-web \
    && find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} +

FROM packages AS generator-packages
RUN npm pkg delete "dependencies.@huggingface/transformers" dependencies.onnxruntime-node "dependencies.@hono/node-server" "dependencies.@hono/zod-openapi" \
      "dependencies.@qdrant/js-client-rest" dependencies.csv-parse dependencies.hono dependencies.prom-client dependencies.sqlite-vec dependencies.ws \
      dependencies.puppeteer dependencies.selfsigned dependencies.hono-rate-limiter \
    && npm prune --omit=dev

# ── What every program has ────────────────────────────────────────────────────────────────────────────────────────────
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production LOG_FORMAT=json
WORKDIR /app
# The user "node" of the image, by number, so that Kubernetes can see that it is not root.
RUN mkdir /data && chown 1000:1000 /data
COPY package.json ./
COPY core ./core

# ── Gateway: takes events in, keeps the index, answers searches. It embeds nothing itself ─────────────────────────────
FROM base AS gateway
COPY --from=gateway-packages /app/node_modules ./node_modules
# Of the model only what identifies it and what runners are checked with.
COPY models/all-MiniLM-L6-v2/manifest.json models/all-MiniLM-L6-v2/golden.json ./models/all-MiniLM-L6-v2/
COPY kafka ./kafka
COPY gateway ./gateway
ENV VECTORSTREAM_PORT=8080 VECTORSTREAM_DATA_DIR=/data VECTORSTREAM_RUNNERS=0
VOLUME /data
EXPOSE 8080
USER 1000:1000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.VECTORSTREAM_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "gateway/main.ts"]

# ── Runner: turns texts into vectors for the gateways that it is given ────────────────────────────────────────────────
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

# ── The same with a Vulkan loader, for a GPU that the host hands in ───────────────────────────────────────────────────
FROM node-runner AS node-runner-gpu
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends libvulkan1 libegl1 libxext6 && rm -rf /var/lib/apt/lists/*
USER 1000:1000
# Without "graphics" the NVIDIA runtime hands in no Vulkan driver, and WebGPU finds no adapter.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility VECTORSTREAM_RUNNER_DEVICE=webgpu

# ── Generator: the events of a made-up shop; runs and ends ────────────────────────────────────────────────────────────
FROM base AS generator
COPY --from=generator-packages /app/node_modules ./node_modules
COPY kafka ./kafka
COPY cli ./cli
USER 1000:1000
HEALTHCHECK NONE
ENTRYPOINT ["node", "cli/generate.ts"]
CMD ["--help"]
