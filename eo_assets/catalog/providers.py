"""Who serves catalogues: addresses and habits of the STAC APIs the project knows by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A STAC API.

    Attributes:
        id: Short name for settings: ``planetary-computer``.
        title: For people.
        url: Landing page of the API.
        page_size: Items asked for in one page; providers differ in what they allow.
        signs_hrefs: Assets need a short-lived token from the Planetary Computer's token service.
        stac_asset_hosts: Hosts its files lie on, besides its own; ``.example.org`` for all below.
        finds_updates: Whether items state ``updated`` and can be searched and sorted by it; None
            to go by what the API declares.
    """

    id: str
    title: str
    url: str
    page_size: int
    signs_hrefs: bool = False
    stac_asset_hosts: tuple[str, ...] = ()
    finds_updates: bool | None = None


PROVIDERS: dict[str, Provider] = {
    provider.id: provider
    for provider in (
        Provider(
            id="planetary-computer",
            title="Microsoft Planetary Computer",
            url="https://planetarycomputer.microsoft.com/api/stac/v1",
            page_size=250,
            signs_hrefs=True,
            stac_asset_hosts=(".blob.core.windows.net",),
            # its Sentinel-2 items state neither created nor updated
            finds_updates=False,
        ),
        Provider(
            id="earth-search",
            title="Earth Search by Element 84",
            url="https://earth-search.aws.element84.com/v1",
            page_size=100,
            stac_asset_hosts=(
                "sentinel-cogs.s3.us-west-2.amazonaws.com",
                "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com",
                "copernicus-dem-30m.s3.amazonaws.com",
            ),
            finds_updates=True,
        ),
    )
}


def provider_for(catalog: str) -> Provider:
    """Find the provider of a catalogue.

    Args:
        catalog: A provider's id, or the address of any STAC API.

    Returns:
        The known provider, or a plain one at that address.
    """
    for provider in PROVIDERS.values():
        if catalog == provider.id or catalog.rstrip("/") == provider.url:
            return provider
    return Provider(id="stac-api", title=catalog, url=catalog, page_size=100)
