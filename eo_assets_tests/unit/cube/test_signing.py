"""Tokens: one a container, however many want it; and nothing of them where people read."""

from __future__ import annotations

import logging
import math
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from eo_assets.cube import signing
from eo_assets.cube.answers import _seconds
from eo_assets.cube.private_catalog import Access
from eo_assets.cube.secrecy import redacted
from eo_assets.cube.signing import Token, Tokens, container_of, refuse, sign
from eo_assets.errors import SourceUnavailableError

BLOB = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/35/T/B04.tif"
CONTAINER = ("sentinel2l2a01", "sentinel2-l2")


class Service:
    """A token service that counts."""

    def __init__(self, life_s: float = 2700):
        self.life_s, self.asked, self.down = life_s, [], False

    def __call__(self, container):
        time.sleep(0.02)
        self.asked.append(container)
        if self.down:
            raise SourceUnavailableError("down")
        now = time.time()
        return Token(query=f"sig=SECRET{len(self.asked)}", begins=now, ends=now + self.life_s)


@pytest.fixture
def service(monkeypatch):
    service = Service()
    monkeypatch.setattr(signing, "_TOKENS", Tokens(service))
    return service


def test_addresses_elsewhere_stay_as_they_are(service):
    for href in ("/data/red.tif", "https://example.com/a.tif?page=1", "s3://bucket/red.tif"):
        assert sign(href).url == href
    assert service.asked == []


def test_many_threads_ask_for_one_token_a_container(service):
    gate = threading.Barrier(12)

    def one(n):
        gate.wait()
        return sign(BLOB.replace("B04", f"B{n:02}") if n % 2 else BLOB.replace("-l2/", "-l1/")).url

    with ThreadPoolExecutor(12) as pool:
        urls = list(pool.map(one, range(12)))
    assert sorted(service.asked) == [("sentinel2l2a01", "sentinel2-l1"), CONTAINER]
    assert len({url.partition("?")[2] for url in urls}) == 2


def test_a_token_an_item_came_with_is_replaced(service):
    # the package would leave it alone for as long as the item exists
    assert sign(f"{BLOB}?st=2020&se=2020-01-01&sp=rl&sig=old").url == f"{BLOB}?sig=SECRET1"


@pytest.mark.parametrize(("life_s", "left_s", "n"), [(2700, 61, 1), (2700, 59, 2), (8, 3, 1)])
def test_a_token_is_renewed_a_little_before_it_ends(service, monkeypatch, life_s, left_s, n):
    service.life_s = life_s
    first = sign(BLOB)
    later = first.token.ends - left_s
    monkeypatch.setattr(time, "time", lambda: later)
    assert first.due == (n == 2)
    sign(BLOB)
    assert len(service.asked) == n


def test_a_clock_that_runs_ahead_does_not_ask_with_every_file(service):
    service.life_s = -600
    for _ in range(5):
        sign(BLOB)
    assert len(service.asked) == 1


def test_a_token_that_still_holds_outlasts_a_service_that_is_down(service, monkeypatch):
    first = sign(BLOB)
    service.down = True
    monkeypatch.setattr(time, "time", lambda: first.token.ends - 10)
    assert sign(BLOB).url == first.url
    monkeypatch.setattr(time, "time", lambda: first.token.ends + 1)
    with pytest.raises(SourceUnavailableError):
        sign(BLOB)


def test_a_refused_token_is_replaced_once_for_all_who_held_it(service):
    held = [sign(BLOB) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda address: (refuse(BLOB, address), sign(BLOB)), held))
    assert len(service.asked) == 2


def test_a_public_container_is_read_without_a_token(monkeypatch):
    public = Tokens(lambda _: Token(query="", begins=0, ends=math.inf))
    monkeypatch.setattr(signing, "_TOKENS", public)
    address = sign(BLOB)
    assert address.url == BLOB
    assert not address.due
    assert not refuse(BLOB, address)


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        (BLOB, CONTAINER),
        ("https://blob.core.windows.net/a/b", None),
        ("https://evil.com/x.blob.core.windows.net/a", None),
        ("https://account.blob.core.windows.net/", None),
        ("https://account.blob.core.windows.net.evil.com/a/b", None),
    ],
)
def test_only_azures_own_hosts_are_sent_tokens(href, expected):
    assert container_of(href) == expected


def test_neither_addresses_nor_tokens_show_themselves(service):
    assert "SECRET" not in f"{sign(BLOB)!r} {sign(BLOB).token!r}"


@pytest.mark.parametrize(
    "text",
    [
        f"'/vsicurl/{BLOB}?se=2020-01-01&sp=rl&sig=SECRET%3D' not recognized",
        '"GET /sentinel2-l2/B04.tif?sv=2020&sig=SECRET%2B HTTP/1.1" 403',
        "B04.tif?st=1&se=2&sig=SECRET, band 1: IReadBlock failed",
        "https://bucket.s3.amazonaws.com/a.tif?X-Amz-Signature=SECRET&X-Amz-Date=1 is",
    ],
)
def test_texts_lose_tokens_and_nothing_else(text):
    clean = redacted(text)
    assert "SECRET" not in clean
    assert clean.endswith(text.rsplit(" ", 1)[-1])
    assert redacted("is it there? yes, at /a?page=2&x=1") == "is it there? yes, at /a?page=2&x=1"


@pytest.mark.parametrize("name", ["rasterio._env", "rasterio._err", "urllib3.connectionpool"])
def test_libraries_log_without_tokens(name, caplog):
    caplog.set_level(1)
    logging.getLogger(name).info("GET %s?sig=%s", BLOB, "SECRET")
    assert "SECRET" not in caplog.text
    assert "B04.tif" in caplog.text


def test_access_gives_its_headers_to_its_own_host_only():
    access = Access(url="https://stac.example.com/v1", headers={"X-Api-Key": "SECRET"})
    for url in ("https://stac.example.com/a.tif", "HTTPS://STAC.example.com:443/a"):
        assert access.headers_for(url) == {"X-Api-Key": "SECRET"}
    for url in (
        "http://stac.example.com/a.tif",
        "https://stac.example.com:8443/a",
        "https://stac.example.com.evil.com/a",
        "/data/a.tif",
    ):
        assert access.headers_for(url) == {}
    assert "SECRET" not in repr(access)
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(access)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 0), ("7", 7), ("soon", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_read_as_seconds(header, seconds):
    assert _seconds(header) == seconds


def test_retry_after_is_read_as_a_date():
    from email.utils import formatdate

    assert _seconds(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
