"""Documents on their way out and in: absolute hrefs for clients, relative ones on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

from eo_assets.sample.api.archive import CollectionRecord
from eo_assets.sample.api.snapshot import Entry

HrefMode = Literal["http", "file"]
Document = dict[str, Any]

HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
MADE_HERE = frozenset(
    {"self", "root", "parent", "collection", "items", "item", "child", QUERYABLES}
)
JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"


class Publisher:
    """Makes documents for clients of one base URL, and takes them back.

    Args:
        root: The archive's directory.
        mode: ``http`` gives files below the root as URLs of this service, ``file`` as absolute
            paths. Files elsewhere are absolute paths in both.
        base_url: Of the service as the client sees it, with a final slash.
    """

    def __init__(self, root: Path, *, mode: HrefMode, base_url: str) -> None:
        self.root = root
        self.mode = mode
        self.base_url = base_url

    def url(self, *parts: str) -> str:
        """The URL of a resource of this service."""
        return self.base_url + "/".join(quote(part, safe="") for part in parts)

    def item(self, entry: Entry) -> Document:
        """An item as clients get it."""
        collection_id, item_id = entry.key
        collection_url = self.url("collections", collection_id)
        links = [
            link("self", self.url("collections", collection_id, "items", item_id), GEOJSON),
            link("parent", collection_url),
            link("collection", collection_url),
            link("root", self.base_url),
        ]
        return self._outward(entry.item, entry.path.parent, links)

    def collection(self, record: CollectionRecord, document: Document) -> Document:
        """A collection as clients get it."""
        url = self.url("collections", record.id)
        links = [
            link("self", url),
            link("parent", self.base_url),
            link("root", self.base_url),
            link("items", f"{url}/items", GEOJSON),
            link(QUERYABLES, f"{url}/queryables", SCHEMA),
        ]
        return self._outward(document, record.folder, links)

    def _outward(self, document: Document, folder: Path, links: list[Document]) -> Document:
        published = dict(document)
        published["links"] = links + [
            {**kept, "href": self.href(kept["href"], folder)} for kept in foreign_links(document)
        ]
        if isinstance(document.get("assets"), dict):
            published["assets"] = _map_hrefs(document["assets"], lambda h: self.href(h, folder))
        return published

    def href(self, href: str, folder: Path) -> str:
        """A href found in a document of a folder, made absolute."""
        if HAS_SCHEME.match(href):
            return href
        path = Path(os.path.normpath(folder / href))
        if self.mode == "file" or not path.is_relative_to(self.root):
            return str(path)
        return f"{self.base_url}assets/{quote(path.relative_to(self.root).as_posix())}"

    def inward(self, document: Document, folder: Path) -> Document:
        """A document from a client as it is stored in a folder.

        The links that this service makes are dropped, and hrefs that point into the archive become
        relative: what was got can be put back, and the archive can be moved.
        """
        stored = {**document, "links": foreign_links(document)}
        if isinstance(document.get("assets"), dict):
            stored["assets"] = _map_hrefs(document["assets"], lambda h: self._relative(h, folder))
        return stored

    def _relative(self, href: str, folder: Path) -> str:
        prefix = f"{self.base_url}assets/"
        if href.startswith(prefix):
            path = Path(os.path.normpath(self.root / unquote(href.removeprefix(prefix))))
        elif href.startswith("/"):
            path = Path(os.path.normpath(href))
        else:
            return href
        if not path.is_relative_to(self.root):
            return href
        relative = Path(os.path.relpath(path, folder)).as_posix()
        return relative if relative.startswith("../") else f"./{relative}"


def link(rel: str, href: str, media_type: str = JSON, **extra: Any) -> Document:
    """A STAC link."""
    return {"rel": rel, "type": media_type, "href": href, **extra}


def foreign_links(document: Document) -> list[Document]:
    """The links of a document that this service does not make itself."""
    links = document.get("links")
    if not isinstance(links, list):
        return []
    return [
        found
        for found in links
        if isinstance(found, dict)
        and isinstance(found.get("href"), str)
        and found.get("rel") not in MADE_HERE
    ]


def _map_hrefs(stac_assets: Document, change: Any) -> Document:
    return {
        key: {**stac_asset, "href": change(stac_asset["href"])}
        if isinstance(stac_asset, dict) and isinstance(stac_asset.get("href"), str)
        else stac_asset
        for key, stac_asset in stac_assets.items()
    }
