"""From a look to a product: starting the runs that store what a layer shows, through Dagster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import BaseModel, Field

from eo_assets.errors import SourceUnavailableError
from eo_assets.settings import Settings
from eo_assets.storage.partition import period_start
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.problems import ConflictError, TooMuchError

JOB = "scenes_to_reports"
LOCATION = "eo_assets"
MAX_RUNS = 62
_TIMEOUT_S = 30.0

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
    ... on UnauthorizedError { message }
  }
}
"""


class Run(BaseModel):
    """A run that was started."""

    partition: str
    run_id: str
    url: str


class Export(BaseModel):
    """The runs that store what a layer is computed from."""

    layer: str
    runs: list[Run]
    products: list[str] = Field(description="Ids the products will have.")


def start_export(layer: Layer, settings: Settings) -> Export:
    """Start the runs that store mosaics, GeoTIFFs, classes and reports of a layer's dates.

    Args:
        layer: A layer of a region.
        settings: The settings; ``dagster_url`` says where.

    Returns:
        The runs.

    Raises:
        ConflictError: Exports are not configured, the layer is of no region, or has no dates.
        TooMuchError: It has too many dates.
        SourceUnavailableError: Dagster does not answer, or refuses.
    """
    if not settings.dagster_url:
        raise ConflictError(
            "This service does not know where Dagster is.",
            "Set EO_ASSETS_DAGSTER_URL, or start everything with eo-assets dev.",
        )
    if not layer.region or "product" in layer.request:
        raise ConflictError(
            "Only layers of scenes over a region can be exported.",
            "Make the layer with region, or add the area to the regions.",
        )
    starts = sorted({period_start(day, settings.cadence) for day in layer.dates})
    if not starts:
        raise ConflictError("The layer has no scenes.", "Choose other dates.")
    if len(starts) > MAX_RUNS:
        raise TooMuchError(
            f"The layer has {len(starts)} dates; at most {MAX_RUNS} runs are started at once.",
            "Choose a shorter period, or start a backfill in Dagster.",
        )
    return _started(layer, settings, starts)


def _started(layer: Layer, settings: Settings, starts: Sequence[dt.date]) -> Export:
    collection = str(layer.request.get("collection") or layer.cube.source.collection)
    base = settings.dagster_url.rstrip("/")
    runs = []
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        for start in starts:
            run_id = _launch(client, base, f"{start}|{layer.region}", layer.id)
            key = f"{start}|{layer.region}"
            runs.append(Run(partition=key, run_id=run_id, url=f"{base}/runs/{run_id}"))
    products = [f"{layer.region}/{collection}/{start}/geotiff" for start in starts]
    return Export(layer=layer.id, runs=runs, products=products)


def _launch(client: httpx.Client, base: str, key: str, layer_id: str) -> str:
    date, region = key.split("|")
    tags = {
        "dagster/partition": key,
        "dagster/partition/date": date,
        "dagster/partition/region": region,
        "eo_assets/layer": layer_id,
    }
    params = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": JOB,
        },
        "runConfigData": {},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    answer = _asked(client, base, {"query": _LAUNCH, "variables": {"params": params}})
    launched = (answer.get("data") or {}).get("launchRun") or {}
    run = launched.get("run")
    if not run:
        said = launched.get("message") or launched.get("__typename") or "no answer to the request"
        raise SourceUnavailableError(
            f"Dagster did not start the run of {key}: {str(said)[:300]}.",
            "Look at the deployment in Dagster's web interface.",
        )
    return str(run["runId"])


def _asked(client: httpx.Client, base: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        response = client.post(f"{base}/graphql", json=body)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise SourceUnavailableError(
            f"Dagster does not answer: {type(error).__name__}.",
            "Check EO_ASSETS_DAGSTER_URL, and that its web server runs.",
        ) from error
    return found
