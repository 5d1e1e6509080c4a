"""The product store's own catalogue: static STAC files that any STAC client can walk.

    outputs/catalog.json                              all regions
    outputs/bucegi/sentinel-2-l2a/collection.json     a region's products from one collection
    outputs/bucegi/sentinel-2-l2a/2023.json           the items of a year

A product that is published or withdrawn changes the listing of its year, and the two above it only
when they say something new: however many years there are, a change costs the same. Items stay
beside their files; all links are relative, so that the store can be moved, copied and served.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eo_assets.places import ObjectPlace, Place, replace_text, update_text
from eo_assets.storage.product_item import CATALOG, COLLECTION, item_text, listing_of
from eo_assets.storage.store import Record, locked, storage_errors

_INTERVAL = "eo_assets:interval"
"""On a link: first and last time of what it leads to, so that nobody has to open that."""

Document = dict[str, Any]


class StaticCatalog:
    """STAC files in a product store.

    Args:
        root: Place of the store.
    """

    def __init__(self, root: Place) -> None:
        self.root = root

    def register(self, record: Record, item: Document, collection: Document) -> str:
        """List a product that has been published, in place of a former one.

        Args:
            record: Its record.
            item: Its STAC item, as stored.
            collection: The collection of the item.

        Returns:
            Path of the item.

        Raises:
            StorageError: The listing cannot be written.
        """
        place = f"./{record.date}/{record.step}/{record.files['stac_item']}"
        properties = item["properties"]
        link = {
            "rel": "item",
            "href": place,
            "type": "application/geo+json",
            "title": f"{properties['title']}: {record.step}",
            _INTERVAL: [properties["start_datetime"], properties["end_datetime"]],
        }
        self._replace(record, [link], collection)
        return str(self._folder(record) / place)

    def withdraw(self, record: Record, collection: Document) -> None:
        """Take a product that is empty or unusable out of the listing, if it is there.

        Args:
            record: Its record.
            collection: The collection of the item.

        Raises:
            StorageError: The listing cannot be written.
        """
        if (self._folder(record) / COLLECTION).is_file():
            self._replace(record, [], collection)

    def _folder(self, record: Record) -> Place:
        return self.root / record.region / record.collection

    def _replace(self, record: Record, links: list[Document], collection: Document) -> None:
        """Put links in the place of those of one product; tell the levels above.

        Each level is changed on its own, and looks at the one below while it is: whoever changes
        it last has seen what all have written before.
        """
        folder = self._folder(record)
        listing, own = folder / listing_of(record.date), f"./{record.date}/{record.step}/"
        with storage_errors(folder) if isinstance(folder, Path) else contextlib.nullcontext():
            if listing.name != COLLECTION:
                _change(listing, lambda former: _year(listing, collection, former, own, links))
                links = []
            _change(
                folder / COLLECTION,
                lambda former: _collection(listing, collection, former, own, links),
            )
            place = f"./{record.region}/{record.collection}/{COLLECTION}"
            child = _link("child", place, title=collection["title"])
            _change(self.root / CATALOG, lambda former: _root(former, child))


def _items(former: Document | None, own: str, links: Sequence[Document]) -> list[Document]:
    kept = [link for link in _linked(former, "item") if not link["href"].startswith(own)]
    return sorted([*kept, *links], key=lambda link: str(link["href"]))


def _year(
    listing: Place,
    collection: Document,
    former: Document | None,
    own: str,
    links: Sequence[Document],
) -> Document:
    """Give the listing of a year with links in the place of a product's own."""
    catalog = _catalog(
        f"{collection['id']}-{listing.stem}", f"{collection['title']}, {listing.stem}"
    )
    above = [_link("root", f"../../{CATALOG}"), _link("parent", f"./{COLLECTION}")]
    return {**catalog, "links": [*above, *_items(former, own, links)]}


def _collection(
    listing: Place,
    collection: Document,
    former: Document | None,
    own: str,
    links: Sequence[Document],
) -> Document:
    """Give a collection that knows its years and spans what is in them."""
    years = {str(link["href"]): link for link in _linked(former, "child")}
    if listing.name != COLLECTION:
        place = f"./{listing.name}"
        years.pop(place, None)
        if items := _linked(_read(listing), "item"):
            years[place] = _link("child", place, title=listing.stem) | {_INTERVAL: _span(items)}
    below = [*(years[href] for href in sorted(years)), *_items(former, own, links)]
    extent = {**collection["extent"], "temporal": {"interval": [_span(below)]}}
    above = [_link("root", f"../../{CATALOG}"), _link("parent", f"../../{CATALOG}")]
    return {**collection, "extent": extent, "links": [*above, *below]}


def _root(former: Document | None, child: Document) -> Document:
    """Give the catalogue of everything with one more collection, or the same one."""
    children = {link["href"]: link for link in (former or {}).get("links", ())}
    children[child["href"]] = child
    children.pop(f"./{CATALOG}", None)
    below = [children[href] for href in sorted(children)]
    catalog = _catalog("eo-assets-products", "Products")
    return {**catalog, "links": [_link("root", f"./{CATALOG}"), *below]}


def _catalog(catalog_id: str, title: str) -> Document:
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": catalog_id,
        "title": title,
        "description": f"{title}, made by eo_assets.",
        "links": [],
    }


def _link(rel: str, href: str, *, title: str = "") -> Document:
    named = {"title": title} if title else {}
    return {"rel": rel, "href": href, "type": "application/json", **named}


def _linked(document: Document | None, rel: str) -> list[Document]:
    links = (document or {}).get("links", ())
    return [link for link in links if link["rel"] == rel and _INTERVAL in link]


def _span(links: Iterable[Mapping[str, Any]]) -> list[str | None]:
    intervals = [link[_INTERVAL] for link in links]
    if not intervals:
        return [None, None]
    # RFC 3339 in UTC with as many digits each, apart from fractions: compared up to the second
    first = min((start for start, _ in intervals), key=lambda time: time[:19])
    last = max((end for _, end in intervals), key=lambda time: time[:19])
    return [first, last]


def _read(place: Place) -> Document | None:
    try:
        document: Document = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return document


def _change(place: Place, change: Callable[[Document | None], Document]) -> None:
    """Replace a file whole and safely while others do, unless it says the same already."""
    if isinstance(place, ObjectPlace):
        update_text(
            place, lambda text: item_text(change(None if text is None else json.loads(text)))
        )
        return
    with locked(place.parent):
        former = _read(place)
        document = change(former)
        if document != former:
            replace_text(place, item_text(document))
