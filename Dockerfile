# One image for all services but the database: scheduler, workers, code location and web interface
# must run the same code. Another base, or one pinned by digest: --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=python:3.11-slim-bookworm

# what is wanted, apart from the rest of pyproject.toml, whose changes install nothing anew
FROM ${BASE_IMAGE} AS wanted
COPY pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    more = [p['optional-dependencies'][name] for name in ('notebook', 'pgstac', 'gateway')]; \
    print(*p['dependencies'], *sum(more, []), sep='\n')" > /wanted.txt

FROM ${BASE_IMAGE} AS build
# only where packages come from elsewhere, or through a proxy with a certificate of its own
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG PIP_CERT
ARG SSL_CERT_FILE
ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    XDG_CACHE_HOME=/var/cache/build
WORKDIR /build
COPY requirements.lock ./
# the lock's own uv and builder, apart from what is installed for use
RUN --mount=type=cache,target=/var/cache/build \
    python -m venv /opt/tools \
 && awk '/^uv==/{on=1} on{print} on && /^    # via/{exit}' requirements.lock > uv.txt \
 && /opt/tools/bin/pip install --quiet --require-hashes --no-deps --requirement uv.txt \
 && /opt/tools/bin/uv pip install --quiet --python /opt/tools --constraint requirements.lock hatchling
COPY --from=wanted /wanted.txt ./
# what runs, without what develops; hashes are the lock's, and nothing comes that is not in it
RUN --mount=type=cache,target=/var/cache/build \
    python -m venv --without-pip /opt/eo_assets \
 && /opt/tools/bin/uv pip install --quiet --compile-bytecode --python /opt/eo_assets \
      --requirement wanted.txt --constraint requirements.lock \
 && /opt/tools/bin/uv pip freeze --python /opt/eo_assets | while read -r pin; do \
      grep -q "^$pin " requirements.lock || { echo "$pin is not in requirements.lock"; exit 1; }; \
    done
COPY README.md pyproject.toml ./
COPY eo_assets ./eo_assets
RUN /opt/tools/bin/python -m hatchling build --target wheel --directory dist \
 && /opt/tools/bin/uv pip install --quiet --offline --compile-bytecode --no-deps \
      --python /opt/eo_assets dist/*.whl

FROM ${BASE_IMAGE}
# wheels bring their libraries along, rasterio's all but this one; folders for whoever runs the image
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libexpat1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp eo \
 && install -d -m 1777 /app /data/outputs /data/sample /data/dagster /data/dagster/storage \
      /data/layers /data/spill /data/notebooks /data/notebooks/work \
 && install -d /data/regions /data/parcels /data/training /data/sites \
      /data/notebooks/examples
COPY --from=build /opt/eo_assets /opt/eo_assets
# whoever mounts a checkout at /app gets the package of the image all the same
ENV PATH=/opt/eo_assets/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1
USER eo
WORKDIR /app
CMD ["eo-assets", "--help"]
