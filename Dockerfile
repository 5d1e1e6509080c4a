# One image for all services: scheduler, workers, code location, webserver, daemon and STAC API
# must run the same code. Pin the base by digest with --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE} AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/eo_assets \
 && awk '/^uv==/{on=1} on{print} on && /^    # via/{exit}' requirements.lock > uv.txt \
 && /opt/eo_assets/bin/pip install --no-cache-dir --require-hashes --no-deps -r uv.txt \
 && /opt/eo_assets/bin/uv pip install --no-cache --compile-bytecode \
      --python /opt/eo_assets/bin/python --require-hashes -r requirements.lock
COPY eo_assets ./eo_assets
RUN /opt/eo_assets/bin/uv pip install --no-cache --compile-bytecode --no-deps --no-build-isolation \
      --python /opt/eo_assets/bin/python .

FROM ${BASE_IMAGE}
# distributed and GDAL need nothing from the system but certificates; wheels carry the rest
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libexpat1 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 1000 eo && useradd --uid 1000 --gid eo --create-home eo \
 && install -d -o eo -g eo /data /data/outputs /data/dagster /data/sample
COPY --from=build /opt/eo_assets /opt/eo_assets
ENV PATH=/opt/eo_assets/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    EO_ASSETS_OUTPUTS=/data/outputs \
    EO_ASSETS_SAMPLE_DIR=/data/sample/archive \
    EO_ASSETS_DAGSTER_HOME=/data/dagster \
    DAGSTER_HOME=/data/dagster
USER eo
WORKDIR /data
ENTRYPOINT []
CMD ["eo-assets", "--help"]
