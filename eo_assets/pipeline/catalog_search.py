"""Asking a catalogue: patience with one that is busy, errors that say who acts, which items count.

Shared by the snapshot of one day (``stac_items``) and the watch over many (``scene_listing``), so
that what starts a run is what the run then uses.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator

import pystac_client
import requests
from pystac import STACError
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import DoesNotConformTo
from urllib3 import Retry

from eo_assets.catalog.collections.model import StacItem
from eo_assets.catalog.providers import provider_for
from eo_assets.catalog.regions import Region
from eo_assets.cube.http_session import open_session
from eo_assets.cube.items import Excluded, newest_versions, not_wanted, too_cloudy
from eo_assets.cube.secrecy import redacted
from eo_assets.errors import ConfigurationError, SourceUnavailableError, UnknownNameError


def open_catalog(
    url: str, *, retries: int = 4, timeout_s: tuple[float, float] = (10, 60)
) -> pystac_client.Client:
    """Connect to a STAC API.

    Args:
        url: Its address, or a provider's id.
        retries: How often a request is tried again when the API is busy.
        timeout_s: To connect and to wait for an answer, seconds.

    Returns:
        The client; its requests raise what ``catalog_errors`` explains.
    """
    # an API that is busy gets time; one that is down is told about within half a minute
    patience = Retry(
        total=retries,
        connect=min(retries, 2),
        backoff_factor=1,
        backoff_jitter=1,
        status_forcelist=[408, 429, 500, 502, 503, 504],
        allowed_methods=None,
        retry_after_max=60,
    )
    io = StacApiIO(max_retries=None, timeout=timeout_s)
    io.session = open_session(max_retries=patience)
    return pystac_client.Client.open(provider_for(url).url, stac_io=io)


@contextlib.contextmanager
def catalog_errors(catalog: str, collection: str) -> Iterator[None]:
    """Turn what goes wrong with a catalogue into errors that say what to do.

    Args:
        catalog: What people call it.
        collection: What was asked for.

    Raises:
        SourceUnavailableError: It does not answer.
        ConfigurationError: It denies access, or is none.
    """
    catalog = redacted(catalog)
    try:
        yield
    except (APIError, requests.RequestException, OSError) as error:
        if getattr(error, "status_code", None) in {401, 403}:
            raise ConfigurationError(
                f"The catalogue {catalog} denies access to {collection}.",
                "Set EO_ASSETS_CATALOG and EO_ASSETS_CATALOG_HEADERS, for Dask workers too.",
            ) from error
        raise SourceUnavailableError(
            f"The catalogue {catalog} does not answer a search for {collection}: {_short(error)}.",
            "Check the address and try again later; nothing was changed.",
        ) from error
    except (json.JSONDecodeError, STACError, ClientTypeError, DoesNotConformTo) as error:
        raise ConfigurationError(
            f"What answers as the catalogue {catalog} is not a STAC API: {_short(error)}.",
            "Check the address; it is that of the API's landing page.",
        ) from error


def _short(error: BaseException) -> str:
    # pystac-client makes texts of what requests raise
    error = (isinstance(error, APIError) and error.__context__) or error
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    text = redacted(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"


def check_collection(client: pystac_client.Client, catalog: str, collection: str) -> None:
    """Tell when a catalogue does not have a collection at all.

    Args:
        client: The catalogue.
        catalog: What people call it.
        collection: The collection's id.

    Raises:
        UnknownNameError: It does not have it.
    """
    collections = [known.id for known in client.get_collections()]
    if collection not in collections:
        raise UnknownNameError(
            f"The catalogue {catalog} has no collection {collection!r}.",
            f"It has {', '.join(sorted(collections)[:20])}.",
        )


def used_items(
    found: Iterable[StacItem], region: Region, max_cloud_cover_pct: float
) -> tuple[list[StacItem], tuple[Excluded, ...]]:
    """Choose the items that products are made of.

    Args:
        found: Items of the region, in any order.
        region: The region; its filters apply.
        max_cloud_cover_pct: Items that state more cloud are left out, per cent.

    Returns:
        The newest version of each acquisition ordered by id, and the others with the reason.
    """
    items = list(found)
    cloudy = too_cloudy(items, max_cloud_cover_pct)
    unwanted = not_wanted(items, region.filters)
    dropped = {excluded.id for excluded in (*cloudy, *unwanted)}
    kept, older = newest_versions(item for item in items if item["id"] not in dropped)
    return kept, (*cloudy, *unwanted, *older)
