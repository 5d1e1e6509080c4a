"""The page about the interface: complete, and on its own."""

from __future__ import annotations

import re
from html import unescape


def test_the_page_about_the_interface_tells_every_endpoint_and_loads_nothing(client):
    described = client.get("/openapi.json").json()
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    page = unescape(answer.text)
    for path, methods in described["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in page
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)) - {"openapi.json"} == {
        f"#schema-{name}" for name in re.findall(r'href="#schema-([^"]*)"', answer.text)
    }
    assert not re.search(r"<script|<link|<iframe|@import|url\(", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_every_link_of_the_page_leads_somewhere(client):
    page = client.get("/docs").text
    targets = set(re.findall(r'id="([^"]*)"', page))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= targets
    assert "LayerRequest" in {target.removeprefix("schema-") for target in targets}


def test_pages_of_the_framework_that_need_another_host_are_not_there(client):
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404
