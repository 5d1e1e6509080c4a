from __future__ import annotations

import importlib
import json
import pkgutil
import re

import pytest

from eo_assets.catalog import collections as rooms
from eo_assets.catalog.collections import COLLECTIONS, Collection, get_collection
from eo_assets.catalog.indices import INDICES
from eo_assets.catalog.providers import PROVIDERS, provider_for
from eo_assets.cube.scene import scene_of
from eo_assets.errors import SourceContractError, UnknownNameError
from eo_assets_tests.tiny_archive import landsat_item

EVERY = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda c: c.id)
SPECTRAL = pytest.mark.parametrize(
    "collection", [c for c in COLLECTIONS.values() if c.quality], ids=lambda c: c.id
)


def test_only_elevation_is_without_a_quality_band():
    assert [c.id for c in COLLECTIONS.values() if not c.quality] == ["cop-dem-glo-30"]


def test_a_collection_that_has_a_module_is_registered():
    defined = {}
    for found in pkgutil.iter_modules(rooms.__path__):
        module = importlib.import_module(f"{rooms.__name__}.{found.name}")
        defined |= {c.id: c for c in vars(module).values() if isinstance(c, Collection)}
    assert defined == COLLECTIONS


@EVERY
def test_every_publication_publishes_every_band(collection):
    names = {band.name for band in collection.bands}
    names |= {collection.quality.name} if collection.quality else set()
    for publication in collection.publications:
        assert set(publication.stac_asset_keys) == names
        assert set(publication.other_radiometry) <= names
        assert publication.provider in PROVIDERS


@EVERY
def test_band_names_are_unique_and_defaults_exist(collection):
    names = [band.name for band in collection.bands]
    assert len(set(names)) == len(names)
    assert set(collection.default_bands) <= set(names)


@SPECTRAL
def test_bands_are_listed_in_spectral_order(collection):
    centres = [band.center_wavelength_um for band in collection.bands]
    assert centres == sorted(centres)
    assert all(0.4 < centre < 12.6 for centre in centres)


@SPECTRAL
def test_every_index_can_be_computed_from_the_default_bands(collection):
    for index in INDICES.values():
        index.bands_in(collection.default_bands)


@SPECTRAL
def test_quality_flags_are_all_labelled_and_cloud_is_unusable(collection):
    quality = collection.quality
    assert {*quality.fill, *quality.invalid, *quality.snow} <= set(quality.labels)
    assert set(quality.cloud) <= set(quality.invalid)
    assert not set(quality.fill) & set(quality.invalid)


def test_an_unknown_collection_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"'sentinel-2'.*sentinel-2-l2a"):
        get_collection("sentinel-2")
    with pytest.raises(UnknownNameError, match=r"no band 'B04'.*red"):
        get_collection("sentinel-2-l2a").band("B04")


def test_an_item_of_no_known_publication_is_refused():
    item = {"id": "x", "assets": {"SR_B2": {}, "SR_B3": {}}}
    with pytest.raises(SourceContractError, match="SR_B2"):
        get_collection("landsat-c2-l2").publication_of(item)
    with pytest.raises(SourceContractError):
        get_collection("landsat-c2-l2").publication_of({"id": "x"})


def test_providers_are_found_by_name_and_by_address():
    for provider in PROVIDERS.values():
        assert provider_for(provider.id) is provider
        assert provider_for(provider.url + "/") is provider
    other = provider_for("http://127.0.0.1:8080")
    assert other.url == "http://127.0.0.1:8080"
    assert not other.signs_hrefs


MS = ("blue", "green", "red", "nir", "swir16")
MPC, ES = "mpc_sentinel-2-l2a__", "earthsearch_sentinel-2-"
# read off the items' files: name of the file, collection, bands, id, acquired, platform, pass,
# stated cloud, baseline; then what follows from the radiometry table: scale and offset
REAL = [
    (f"{MPC}N02.12__S2B_T06VVN_20190629", "sentinel-2-l2a", MS,
     "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531", "2019-06-29T21:25:29.024000",
     "sentinel-2b", "GS2B_20190629T212529_012081", 0.314306, "02.12", 0.0001, 0.0),
    (f"{MPC}N04.00__S2B_T24XWR_20220612", "sentinel-2-l2a", MS,
     "S2B_MSIL2A_20220612T182919_R027_T24XWR_20220613T123251", "2022-06-12T18:29:19.024000",
     "sentinel-2b", "GS2B_20220612T182919_027509", 30.529344, "04.00", 0.0001, -0.1),
    (f"{MPC}N05.10__S2B_T47XML_20240419", "sentinel-2-l2a", MS,
     "S2B_MSIL2A_20240419T095549_R122_T47XML_20240419T123458", "2024-04-19T09:55:49.024000",
     "sentinel-2b", "GS2B_20240419T095549_037185", 0.219774, "05.10", 0.0001, -0.1),
    (f"{MPC}N05.11__S2B_T53NKG_20250312", "sentinel-2-l2a", MS,
     "S2B_MSIL2A_20250312T014549_R074_T53NKG_20250312T041213", "2025-03-12T01:45:49.024000",
     "sentinel-2b", "GS2B_20250312T014549_041856", 9.976021, "05.11", 0.0001, -0.1),
    (f"{ES}l2a__boa-true__S2B_20EPT_20250731", "sentinel-2-l2a", MS,
     "S2B_20EPT_20250731_0_L2A", "2025-07-31T13:19:22.930000",
     "sentinel-2b", "GS2B_20250731T131909_043879", 26.02542, "05.11", 0.0001, 0.0),
    (f"{ES}l2a__boa-true__S2A_13TDE_20231008", "sentinel-2-l2a", MS,
     "S2A_13TDE_20231008_0_L2A", "2023-10-08T18:02:55.276000",
     "sentinel-2a", "GS2A_20231008T175231_043324", 0.000299, "05.09", 0.0001, 0.0),
    (f"{ES}l2a__boa-false__S2A_28QCH_20200714", "sentinel-2-l2a", MS,
     "S2A_28QCH_20200714_0_L2A", "2020-07-14T11:55:52.479000",
     "sentinel-2a", "GS2A_20200714T115221_026432", 5.01237, "02.14", 0.0001, 0.0),
    (f"{ES}c1-l2a__S2B_T20EPT_20250731", "sentinel-2-c1-l2a", MS,
     "S2B_T20EPT_20250731T131905_L2A", "2025-07-31T13:19:22.930000",
     "sentinel-2b", "GS2B_20250731T131909_043879", 26.02542, "05.11", 0.0001, -0.1),
    ("mpc_landsat-c2-l2__L2SP__LC09_089090_20240417", "landsat-c2-l2", ("red", "nir08"),
     "LC09_L2SP_089090_20240417_02_T1", "2024-04-17T23:46:20.477296",
     "landsat-9", "landsat-9_089_20240417", 97.54, None, 2.75e-5, -0.2),
    ("earthsearch_landsat-c2-l2__L2SP__LC08_033032_20231008", "landsat-c2-l2", ("red", "nir08"),
     "LC08_L2SP_033032_20231008_02_T1", "2023-10-08T17:37:26.656958",
     "landsat-8", "landsat-8_033_20231008", 0.06, None, 2.75e-5, -0.2),
]  # fmt: skip


@pytest.mark.real_data
@pytest.mark.parametrize("expected", REAL, ids=lambda row: row[0])
def test_real_items_are_understood_field_by_field(real_data, expected):
    (file, collection_id, bands, name, acquired, platform, pass_id, cloud, baseline, scale, offset
     ) = expected  # fmt: skip
    item = json.loads((real_data / "stac-items" / f"{file}.json").read_text())
    scene = scene_of(item, get_collection(collection_id), bands)
    assert scene.id == name
    assert scene.acquired.isoformat() == f"{acquired}+00:00"
    assert scene.platform == platform
    assert scene.pass_id == pass_id
    assert scene.cloud_cover_pct == cloud
    assert scene.baseline == baseline
    assert scene.bbox_4326 == tuple(item["bbox"])
    assert tuple(scene.bands) == bands
    for band in scene.bands.values():
        assert (band.scale, band.offset, band.nodata) == (scale, offset, 0)
        assert band.value_scale == 0.0001
        assert band.grid is None
    assert not scene.doubtful
    red, quality = (
        (r"SR_B4\.TIF$", r"QA_PIXEL\.TIF$")
        if platform.startswith("landsat")
        else (r"B04(_10m)?\.tif$", r"SCL(_20m)?\.tif$")
    )
    assert re.search(red, scene.bands["red"].href)
    assert re.search(quality, scene.quality.href)


@pytest.mark.real_data
def test_what_a_real_landsat_item_states_of_its_scale_is_what_the_table_says(real_data):
    file = real_data / "stac-items" / "mpc_landsat-c2-l2__L2SP__LC09_089090_20240417.json"
    item = json.loads(file.read_text())
    collection = get_collection("landsat-c2-l2")
    scene = scene_of(item, collection, (*collection.default_bands, "coastal"))
    for name, band in scene.bands.items():
        stated = item["assets"][name]["raster:bands"][0]
        assert (band.scale, band.offset) == (stated["scale"], stated["offset"])
        assert band.nodata == stated["nodata"]
    assert scene.bands["lwir11"].value_scale == 0.01
    bits = item["assets"]["qa_pixel"]["classification:bitfields"]
    names = {b["offset"]: b["name"].replace("_", " ") for b in bits if b["length"] == 1}
    assert names == collection.quality.labels


@pytest.mark.real_data
def test_a_scene_without_thermal_bands_is_used_without_them(real_data):
    file = real_data / "stac-items" / "mpc_landsat-c2-l2__L2SR__LC09_084082_20250722_02_T1.json"
    collection = get_collection("landsat-c2-l2")
    scene = scene_of(json.loads(file.read_text()), collection, collection.default_bands)
    assert tuple(scene.bands) == tuple(n for n in collection.default_bands if n != "lwir11")


@pytest.mark.real_data
def test_an_elevation_tile_has_no_quality_band(real_data):
    file = real_data / "stac-items" / "mpc_cop-dem-glo-30__S90_W180.json"
    scene = scene_of(json.loads(file.read_text()), get_collection("cop-dem-glo-30"), ("elevation",))
    assert scene.quality is None
    assert scene.bands["elevation"].href.endswith("_DEM.tif")


def test_a_scene_that_lacks_a_band_says_which():
    item = landsat_item("2023-07-01")
    with pytest.raises(SourceContractError, match=r"no STAC asset for blue \(blue\); it has nir08"):
        scene_of(item, get_collection("landsat-c2-l2"), ("red", "blue"))
    del item["assets"]["qa_pixel"]
    with pytest.raises(SourceContractError, match=r"no STAC asset for qa_pixel"):
        scene_of(item, get_collection("landsat-c2-l2"), ("red",))
