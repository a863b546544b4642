# A static binary, alone in an image: no shell, no package, no user but one without rights.
FROM rust:1.89.0-alpine3.22 AS build
RUN apk add --no-cache build-base cmake perl linux-headers
# What the image is made of, twice: a list beside the binary, and one in it, which scanners such as syft and grype read.
RUN cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
WORKDIR /src
COPY . .
ARG HOLDPOINT_COMMIT=unreleased
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    HOLDPOINT_COMMIT=$HOLDPOINT_COMMIT cargo auditable build --release --locked --bin holdpoint --example ops-tools && \
    cargo cyclonedx --format json --spec-version 1.5 --no-build-deps && \
    mkdir /out && cp target/release/holdpoint target/release/examples/ops-tools holdpoint.cdx.json /out/

# The MCP server of the examples; not for use.
FROM alpine:3.22.1 AS ops-tools
COPY --from=build /out/ops-tools /ops-tools
USER 65532:65532
EXPOSE 8090
ENTRYPOINT ["/ops-tools"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/holdpoint /out/holdpoint.cdx.json /
USER 65532:65532
EXPOSE 9001 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["/holdpoint"]
CMD ["serve"]
