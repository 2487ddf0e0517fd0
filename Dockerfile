# syntax=docker/dockerfile:1
# Two images from one build: `--target agent` and `--target collector`. Neither holds a shell, a compiler or a Kubernetes client.
# Every RUN is a target of the Makefile, so that what is built here can be built and tested without a container engine.
ARG DEBIAN=bookworm
ARG RUNTIME=gcr.io/distroless/python3-debian12

FROM debian:${DEBIAN}-slim AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make python3 ca-certificates curl && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make tree-agent tree-collector

FROM ${RUNTIME} AS agent
COPY --from=build /src/dist/tree/agent /opt/observer
COPY --chmod=755 deploy/image/observer /usr/local/bin/observer
# Root, because Kubernetes gives capabilities to no other user; the chart drops all but three.
# hadolint ignore=DL3002
USER 0
ENTRYPOINT ["/usr/local/bin/observer"]
CMD ["agent"]

FROM ${RUNTIME} AS collector
COPY --from=build /src/dist/tree/collector /opt/observer
COPY --chmod=755 deploy/image/observer /usr/local/bin/observer
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/observer"]
CMD ["collector", "--data", "/var/lib/observer"]
