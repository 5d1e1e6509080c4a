# PostgreSQL with PostGIS from Debian, so that everything is built from two bases.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-15 postgresql-15-postgis-3 \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 \
 && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/eo
COPY --chmod=755 postgres-start.sh /usr/local/bin/postgres-start
COPY --chmod=644 postgres-roles.sql /usr/local/share/
USER postgres
EXPOSE 5432
CMD ["postgres-start"]
