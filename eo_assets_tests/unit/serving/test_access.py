from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from eo_assets.serving.access import TokenGuard

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ITEM = "/collections/c/items/i"
RIGHT = {"Authorization": "Bearer s3cret"}


def ask(**guard):
    def fine(_request):
        return PlainTextResponse("fine")

    app = Starlette(routes=[Route("/{path:path}", fine, methods=METHODS)])
    return TestClient(TokenGuard(app, **guard))


@pytest.mark.parametrize(
    ("method", "path", "open_status", "private_status"),
    [
        ("GET", ITEM, 200, 401),
        ("POST", "/search", 200, 401),
        ("PUT", ITEM, 401, 401),
        ("PATCH", ITEM, 401, 401),
        ("DELETE", ITEM, 401, 401),
        ("POST", "/collections/c/bulk_items", 401, 401),
        ("GET", "/_mgmt/ping", 200, 200),
        # what browsers ask before a request never holds the token
        ("OPTIONS", ITEM, 200, 200),
    ],
)
def test_who_needs_the_token(method, path, open_status, private_status):
    public, private = ask(token="s3cret"), ask(token="s3cret", private=True)
    assert public.request(method, path).status_code == open_status
    assert private.request(method, path).status_code == private_status
    for client in (public, private):
        assert client.request(method, path, headers=RIGHT).status_code == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret2", "Bearer é"]
)
def test_only_the_token_opens(given):
    headers = {"Authorization": given.encode("latin-1")}
    answer = ask(token="s3cret").put(ITEM, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "s3cret" not in answer.text


def test_without_a_token_pages_of_others_may_not_write():
    client = ask(token="")
    foreign = {"Origin": "https://example.com"}
    assert client.put(ITEM, headers=foreign).status_code == 403
    assert client.get(ITEM, headers=foreign).status_code == 200
    assert client.put(ITEM, headers={"Origin": "http://testserver"}).status_code == 200
    assert client.put(ITEM).status_code == 200
