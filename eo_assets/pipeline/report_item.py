"""A report as a STAC item: page, numbers and pictures, and what they were made from."""

from __future__ import annotations

from collections.abc import Sequence

from eo_assets.pipeline.report_inputs import ReportInputs
from eo_assets.places import Place
from eo_assets.storage.companions import companions, pictures
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, write_item
from eo_assets.storage.provenance import origin_of
from eo_assets.storage.store import Store, acquisition_times

STEP = "reports"
PAGE = "report.html"
NUMBERS = "report.json"


def write_report_item(
    partition: Partition,
    inputs: ReportInputs,
    figures: Sequence[str],
    *,
    folder: Place,
    store: Store,
) -> dict[str, str]:
    """Write the item of a report beside its files.

    Args:
        partition: The partition.
        inputs: What the report says.
        figures: Names of its picture files.
        folder: Where the files are.
        store: Where the products it was made from are.

    Returns:
        The item's file by role; none for a report of a date without an image, which shows no
        ground.
    """
    if inputs.mosaic is None or inputs.geobox is None:
        return {}
    name = partition.product_name(
        "report", crs=str(inputs.geobox.crs), resolution_m=abs(float(inputs.geobox.affine.a))
    )
    described = companions(
        folder,
        {
            "report": (PAGE, "The report"),
            "numbers": (NUMBERS, "Every number of the report"),
            **pictures(figures),
        },
    )
    origin = origin_of(partition, store, STEP)
    if inputs.classes is not None:
        origin = origin.derived_from(f"../clusters/{inputs.classes.record.files['stac_item']}")
    item = product_item(
        partition,
        inputs.geobox,
        item_id=name,
        acquired=acquisition_times(store.read_record(partition, "mosaic")),
        stac_assets=described,
        origin=origin,
        properties={"processing:lineage": "pictures and numbers of the mosaic and its classes"},
    )
    write_item(folder / f"{name}.json", item)
    return {"stac_item": f"{name}.json"}
