"""Settings: the only module that reads the environment (``EO_ASSETS_*``, or a ``.env`` file)."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, Field, InstanceOf, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from eo_assets.catalog.providers import provider_for
from eo_assets.cube.private_catalog import Access, use_access
from eo_assets.errors import ConfigurationError
from eo_assets.places import CloudAccess, ObjectPlace, Place, is_object, use_cloud

T = TypeVar("T")
R = TypeVar("R")

SAMPLE = "sample"
MIN_TOKEN_CHARACTERS = 16
"""Name of the embedded archive, for ``EO_ASSETS_CATALOG``."""

EVENTS_TOGETHER = 100
"""Events of one kind that Dagster stores in one go: planned or made partitions of a run."""


class Settings(BaseSettings):
    """Everything that can be set from outside. ``.env.example`` shows each with its default."""

    model_config = SettingsConfigDict(
        env_prefix="EO_ASSETS_",
        env_file=".env",
        # as in .env.example: left blank is not set, and not the current folder
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    catalog: Annotated[
        str,
        Field(
            description="Where scenes come from: 'sample' (the embedded archive), "
            "'planetary-computer', 'earth-search', the address of any STAC API, or a directory of "
            "STAC items."
        ),
    ] = SAMPLE
    outputs: Annotated[
        Path | InstanceOf[ObjectPlace],
        Field(
            description="Where products go: a folder, or s3://bucket/prefix or "
            "az://container/prefix on object storage."
        ),
    ] = Path("outputs")
    sample_dir: Annotated[Path, Field(description="Folder of the embedded archive.")] = Path(
        ".eo_assets/sample"
    )
    dagster_home: Annotated[
        Path, Field(description="Folder of Dagster's own records: runs, events, schedules.")
    ] = Path(".dagster")
    regions: Annotated[
        Path | None, Field(description="Folder with your own regions, one GeoJSON Feature a file.")
    ] = None
    parcels: Annotated[
        Path | None,
        Field(
            description="Folder with parcels: one GeoParquet or GeoJSON file a region, named like "
            "it. The sample world brings its own."
        ),
    ] = None
    sites: Annotated[
        Path | None,
        Field(
            description="Folder with protected sites for burnt areas: one GeoParquet or GeoJSON "
            "file a region, named like it, with a column 'id'. The sample world brings its own."
        ),
    ] = None
    training: Annotated[
        Path | None,
        Field(
            description="Folder with training polygons for land cover, one file a region "
            "(<region>.geojson or .parquet) with a column 'class'. The sample brings its own."
        ),
    ] = None
    first_date: Annotated[
        dt.date, Field(description="First date that has a partition, YYYY-MM-DD.")
    ] = dt.date(2015, 6, 27)
    cadence: Annotated[
        Literal["daily", "weekly", "monthly"],
        Field(description="Period of one partition: daily, weekly (from Monday) or monthly."),
    ] = "daily"
    composite: Annotated[
        Literal["first", "median", "medoid", "geomedian", "max_ndvi"],
        Field(
            description="How several observations of a pixel become one, unless the region says "
            "otherwise: first (least cloudy scene), median, medoid, geomedian or max_ndvi."
        ),
    ] = "first"
    max_cloud_cover_pct: Annotated[
        float,
        Field(description="Leave out scenes that state more cloud, per cent.", ge=0, le=100),
    ] = 100.0
    failure_budget: Annotated[
        float,
        Field(
            description="Share of scenes or pixels that may be lost to unreadable files, 0-1.",
            ge=0,
            le=1,
        ),
    ] = 0.1
    block_px: Annotated[
        int,
        Field(description="Edge of the blocks a mosaic is computed in, pixels.", ge=512, le=16384),
    ] = 3072
    clusters: Annotated[
        int,
        Field(description="Number of classes, unless the region says otherwise.", ge=2, le=64),
    ] = 8
    dask_address: Annotated[
        str,
        Field(
            description="A running Dask scheduler, tcp://host:8786 or tls://host:8786; a local "
            "cluster when empty."
        ),
    ] = ""
    dask_tls_ca: Annotated[
        Path | None,
        Field(
            description="For a scheduler at tls://: certificate of the authority that vouches for "
            "it and its workers, a PEM file."
        ),
    ] = None
    dask_tls_cert: Annotated[
        Path | None, Field(description="Our own certificate for such a scheduler, a PEM file.")
    ] = None
    dask_tls_key: Annotated[
        Path | None, Field(description="The key of that certificate, a PEM file.")
    ] = None
    dask_gateway: Annotated[
        str,
        Field(
            description="Address of a Dask Gateway that starts a cluster for each run. How to log "
            "in there is Dask's own configuration: DASK_GATEWAY__AUTH__TYPE and what belongs to it."
        ),
    ] = ""
    dask_gateway_cluster: Annotated[
        str,
        Field(
            description="Name of a cluster that runs on the gateway, instead of a new one a run."
        ),
    ] = ""
    dask_kubernetes: Annotated[
        Path | None,
        Field(
            description="Manifest of a DaskCluster, such as deploy/dask-cluster.yaml, that the "
            "Dask operator of Kubernetes starts for each run; needs dask-kubernetes."
        ),
    ] = None
    dask_workers: Annotated[
        int,
        Field(
            description="Workers of a cluster that is started for a run; 0 for one a core here.",
            ge=0,
        ),
    ] = 0
    dask_most_workers: Annotated[
        int,
        Field(
            description="So many when there is much to do, on a gateway or Kubernetes; 0 for "
            "EO_ASSETS_DASK_WORKERS at any time.",
            ge=0,
        ),
    ] = 0
    dask_memory_limit: Annotated[
        str, Field(description="Memory of each worker of the local cluster.")
    ] = "4GiB"
    dask_wait_s: Annotated[
        int,
        Field(description="Seconds until the first worker has to be there, or a run fails.", ge=1),
    ] = 300
    dask_dashboard_url: Annotated[
        str, Field(description="Address of the Dask dashboard as people's browsers reach it.")
    ] = ""
    catalog_headers: Annotated[
        SecretStr,
        Field(
            description="HTTP headers of a private catalogue, as a JSON object of texts. Sent to "
            "the host of EO_ASSETS_CATALOG only, with searches and for files that lie there. Dask "
            "workers on other machines are told over encrypted connections; else they need this "
            "setting in their own environment."
        ),
    ] = SecretStr("")
    catalog_token: Annotated[
        SecretStr,
        Field(
            description="Token that writers to 'catalog serve' have to present; without one, only "
            "this machine may write."
        ),
    ] = SecretStr("")
    product_catalog: Annotated[
        str,
        Field(
            description="Address of a STAC API with transactions in which products are registered, "
            "such as that of 'catalog products'. Without one the product store's own static "
            "catalogue, catalog.json, lists them."
        ),
    ] = ""
    product_catalog_token: Annotated[
        SecretStr,
        Field(
            description="Token presented to that API when products are registered, and which "
            "'catalog products' asks of writers."
        ),
    ] = SecretStr("")
    products_url: Annotated[
        str,
        Field(description="Address under which browsers reach the outputs folder, for previews."),
    ] = ""
    archive_runs: Annotated[
        int,
        Field(
            description="Runs that may read from the archive at the same time; others wait. Set "
            "by 'dev' as the limit of Dagster's pool 'archive'.",
            ge=1,
        ),
    ] = 2
    max_retries: Annotated[
        int, Field(description="Times a step is tried again when a source is unavailable.", ge=0)
    ] = 3
    sensor_enabled: Annotated[
        bool,
        Field(description="Whether sensors run without being switched on in the web interface."),
    ] = False
    sensor_interval_s: Annotated[
        int, Field(description="Least time between two looks of a sensor, seconds.", ge=1)
    ] = 300
    sensor_lookback_days: Annotated[
        int,
        Field(
            description="Days before today that sensors compare with what is known, so that late, "
            "replaced and withdrawn scenes are seen.",
            ge=1,
            le=366,
        ),
    ] = 30
    sensor_start_days: Annotated[
        int,
        Field(
            description="When a sensor looks for the first time, scenes of so many days start "
            "runs; older ones are only recorded.",
            ge=0,
        ),
    ] = 7
    sensor_max_runs: Annotated[
        int, Field(description="Most runs a sensor starts at a time; others wait.", ge=1, le=1000)
    ] = 20
    sensor_ledger: Annotated[
        Path | None,
        Field(
            description="File in which sensors keep what they know of scenes, on a local disk; in "
            "Dagster's home when not given."
        ),
    ] = None
    owner: Annotated[
        str,
        Field(
            description="Who looks after the assets: 'team:NAME' or an e-mail address.",
            pattern=r"^(team:.+|[^@\s]+@[^@\s]+)$",
        ),
    ] = "team:earth-observation"
    dagster_url: Annotated[
        str, Field(description="Address of Dagster's web server, for exports of map layers.")
    ] = ""
    tiles_url: Annotated[
        str,
        Field(
            description="Address under which browsers reach the tile service. Notebooks put the "
            "port of their own one in the place of {port}: /proxy/{port} with jupyter-server-proxy."
        ),
    ] = ""
    tiles_dir: Annotated[
        Path, Field(description="Folder of the map layers people made, shared by all workers.")
    ] = Path(".eo_assets/tiles")
    tiles_workers: Annotated[
        int, Field(description="Worker processes of the tile service; 0 for one a core.", ge=0)
    ] = 0
    tiles_cache_mb: Annotated[
        int, Field(description="Memory of all workers for finished tiles, MB.", ge=0, le=4096)
    ] = 64
    tiles_token: Annotated[
        SecretStr,
        Field(
            description="Token that callers of the tile service have to present, and key of "
            "signed tile addresses, at least 16 characters. Needed to listen beyond this machine."
        ),
    ] = SecretStr("")
    tiles_without_token: Annotated[
        bool,
        Field(description="Whether the tile service may be reached by a network without a token."),
    ] = False
    tiles_origins: Annotated[
        str,
        Field(description="Web origins whose pages may call the tile service, by commas; or *."),
    ] = ""
    tiles_sources: Annotated[
        str,
        Field(
            description="Further hosts and folders the tile service may read scenes from, by "
            "commas, besides those of the catalogue."
        ),
    ] = ""

    @field_validator("outputs", mode="before")
    @classmethod
    def _is_a_place(cls, address: object) -> object:
        return ObjectPlace.parse(str(address)) if is_object(address) else address

    @field_validator(
        "outputs",
        "sample_dir",
        "dagster_home",
        "regions",
        "parcels",
        "sites",
        "training",
        "sensor_ledger",
        "tiles_dir",
        "dask_tls_ca",
        "dask_tls_cert",
        "dask_tls_key",
        "dask_kubernetes",
    )
    @classmethod
    def _is_absolute(cls, path: Place | None) -> Place | None:
        # worker processes may run in another folder
        return path.expanduser().absolute() if isinstance(path, Path) else path

    @field_validator("tiles_token")
    @classmethod
    def _cannot_be_guessed(cls, token: SecretStr) -> SecretStr:
        # a signed address lets whoever has it try tokens at home
        if 0 < len(token) < MIN_TOKEN_CHARACTERS:
            message = f"at least {MIN_TOKEN_CHARACTERS} characters were expected"
            raise ValueError(message)
        return token

    @field_validator("catalog_headers")
    @classmethod
    def _is_a_mapping_of_texts(cls, headers: SecretStr) -> SecretStr:
        try:
            parsed = json.loads(headers.get_secret_value() or "{}")
        except ValueError:
            parsed = None
        plain = isinstance(parsed, dict) and all(
            isinstance(value, str) and (name + value).isprintable()
            for name, value in parsed.items()
        )
        if not plain:
            message = 'a JSON object of texts was expected, such as {"X-Api-Key": "..."}'
            raise ValueError(message)
        return headers

    @property
    def access(self) -> Access:
        """The headers of a private catalogue, bound to its host."""
        headers = json.loads(self.catalog_headers.get_secret_value() or "{}")
        return Access(url=provider_for(self.catalog).url, headers=headers)

    @property
    def ledger(self) -> Path:
        """What sensors know of scenes, beside Dagster's own records: in containers, a volume."""
        return self.sensor_ledger or self.dagster_home / "storage" / "scenes.sqlite"

    @property
    def dask_n_workers(self) -> int:
        """Workers of a cluster that is started for a run."""
        return self.dask_workers or os.cpu_count() or 1

    @property
    def n_tile_workers(self) -> int:
        """Worker processes of the tile service."""
        return self.tiles_workers or os.cpu_count() or 1

    def environment(self) -> dict[str, str]:
        """Give this process's environment with these settings, for processes it starts."""
        own = {
            f"EO_ASSETS_{name.upper()}": (
                value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            )
            for name, value in self
            if value is not None
        }
        dagster = {
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_EVENT_BATCH_SIZE": str(EVENTS_TOGETHER),
        }
        return {**os.environ, **own, **dagster}


def _named(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names), repr=False)


class CloudSettings(BaseSettings):
    """The clouds' own variables, for products on object storage. ``docs/storage.md`` explains them.

    Others, such as those of web identities, obstore reads itself.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    aws_access_key_id: SecretStr | None = _named("AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = _named("AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = _named("AWS_SESSION_TOKEN")
    aws_region: str | None = _named("AWS_REGION", "AWS_DEFAULT_REGION")
    aws_endpoint: str | None = _named("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    aws_virtual_hosted_style_request: bool | None = _named("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    aws_allow_http: bool | None = _named("AWS_ALLOW_HTTP")
    azure_account_name: str | None = _named("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    azure_account_key: SecretStr | None = _named(
        "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"
    )
    azure_sas_key: SecretStr | None = _named("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
    azure_endpoint: str | None = _named("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
    azure_allow_http: bool | None = _named("AZURE_ALLOW_HTTP")

    def access(self, root: Place) -> CloudAccess:
        """Give what this process may use to reach object storage, and where its products are."""
        return CloudAccess(
            s3=self._given("aws_"),
            azure=self._given("azure_"),
            allow_http=frozenset(
                scheme
                for scheme, allowed in (("s3", self.aws_allow_http), ("az", self.azure_allow_http))
                if allowed
            ),
            root=str(root) if isinstance(root, ObjectPlace) else "",
        )

    def _given(self, prefix: str) -> dict[str, str]:
        given = {}
        for name, value in self:
            if name.startswith(prefix) and value is not None and not name.endswith("allow_http"):
                plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                given[name.removeprefix(prefix)] = plain.lower() if value is True else plain
        return given


def load_settings(**overrides: object) -> Settings:
    """Read the settings, and have this process use the credentials they come with.

    Args:
        overrides: Values that win over the environment.

    Returns:
        The settings, checked.

    Raises:
        ConfigurationError: One of them is not valid.
    """
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(
            f"EO_ASSETS_{str(fault['loc'][0]).upper()}{_shown(fault)}: {fault['msg']}"
            for fault in error.errors()
        )
    else:
        use_cloud(CloudSettings().access(settings.outputs))
        return settings
    # not even as context does pydantic's error go on: it quotes what it was given
    raise ConfigurationError(
        f"A setting is not valid: {faults}.", "See .env.example for what each may be."
    )


def _shown(fault: Mapping[str, Any]) -> str:
    secret = Settings.model_fields[str(fault["loc"][0])].annotation is SecretStr
    return "" if secret else f" is {fault['input']!r}"


def jupyterhub_prefix() -> str:
    """Give the path under which JupyterHub serves this notebook: ``/user/ana/``; else empty."""
    return os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")


def run_with_settings(function: Callable[[T], R], task: T) -> R:
    """Run a task on a worker, with what its own environment says of access.

    Args:
        function: What to run.
        task: Its argument. Secrets are no part of it: the worker's environment has them.

    Returns:
        Its result.
    """
    use_access(_own_access())
    return function(task)


@lru_cache(maxsize=1)
def _own_access() -> Access:
    return load_settings().access


def forget_access() -> None:
    """Read the environment again for the next task: it has changed."""
    _own_access.cache_clear()
