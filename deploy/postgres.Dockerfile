# PostgreSQL from Debian, so that everything is built from the same few bases.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o postgres -g postgres /var/lib/postgresql/eo /run/postgresql
COPY postgres-start.sh /usr/local/bin/postgres-start
USER postgres
EXPOSE 5432
CMD ["postgres-start"]
