# syntax=docker/dockerfile:1
# The image of Rowhouse: one binary and certificates, run by a user who is not root.
# Both stages name the same Debian release, because the binary uses the C library it was built with.
ARG DEBIAN=bookworm

FROM rust:1.95-slim-${DEBIAN} AS build
WORKDIR /src
# .dockerignore lets through what the binary is built from and nothing else.
COPY . .
# The caches make a second build quick: only what changed is compiled. A cache is no part of the image,
# so the binary is copied out of it. A C compiler is needed and there; CMake is not needed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package rowhouse --no-default-features \
    && cp target/release/rowhouse /usr/local/bin/rowhouse

FROM debian:${DEBIAN}-slim
# The certificates verify a PostgreSQL server that speaks TLS.
# The user's number is fixed, so that files in volumes keep their owner from image to image.
# A new volume takes the owner of the directory it covers: the keys' directory must exist and be ours.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 rowhouse \
    && useradd --uid 10001 --gid rowhouse --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin rowhouse \
    && install --directory --owner=rowhouse --group=rowhouse --mode=0700 /var/lib/rowhouse/keys
COPY --from=build /usr/local/bin/rowhouse /usr/local/bin/rowhouse

# In a container 127.0.0.1 would be reachable from nowhere else.
ENV ROWHOUSE_LISTEN=0.0.0.0:8080 \
    ROWHOUSE_KEYS=/var/lib/rowhouse/keys
EXPOSE 8080
# As a number, so that an orchestrator can see that it is not root.
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["rowhouse", "healthcheck"]
ENTRYPOINT ["rowhouse"]
CMD ["serve"]
