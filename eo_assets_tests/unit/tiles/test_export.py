"""What is sent to Dagster to start runs fits the interface Dagster really has."""

from __future__ import annotations

import json

import httpx
from dagster_graphql.schema import create_schema
from graphql import parse, validate
from graphql.execution.values import get_variable_values

from eo_assets.definitions import build_defs
from eo_assets.settings import load_settings
from eo_assets.tiles.export import JOB, LOCATION, start_export
from eo_assets.tiles.registry import Registry


def asked_of_dagster(monkeypatch, layer, settings, answer):
    sent = []

    def listen(request):
        sent.append(json.loads(request.content))
        return httpx.Response(200, json=answer)

    transport, client = httpx.MockTransport(listen), httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **_: client(transport=transport))
    found = Registry(settings.tiles_dir).get(layer["id"])
    with_dagster = settings.model_copy(update={"dagster_url": "http://dagster.example"})
    export = start_export(found.model_copy(update={"region": "bucegi"}), with_dagster)
    return export, sent


def test_the_request_is_valid_for_dagster(monkeypatch, layer, settings):
    answer = {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}}
    export, [sent] = asked_of_dagster(monkeypatch, layer, settings, answer)
    schema, query = create_schema().graphql_schema, parse(sent["query"])
    assert validate(schema, query) == []
    [operation] = query.definitions
    coerced = get_variable_values(schema, operation.variable_definitions, sent["variables"])
    assert isinstance(coerced, dict), coerced
    [run] = export.runs
    assert (run.run_id, run.url) == ("r1", "http://dagster.example/runs/r1")
    assert export.products == ["bucegi/sentinel-2-l2a/2023-07-01/geotiff"]


def test_the_job_and_the_partition_it_names_exist(monkeypatch, layer, settings):
    answer = {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}}
    _, [sent] = asked_of_dagster(monkeypatch, layer, settings, answer)
    params = sent["variables"]["params"]
    job = build_defs(load_settings()).resolve_job_def(params["selector"]["jobName"])
    assert (job.name, params["selector"]["repositoryLocationName"]) == (JOB, LOCATION)
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    assert job.partitions_def.has_partition_key(tags["dagster/partition"])
    assert tags["dagster/partition"] == (
        f"{tags['dagster/partition/date']}|{tags['dagster/partition/region']}"
    )
