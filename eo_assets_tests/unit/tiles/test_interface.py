"""The interface as it describes itself, tried with whatever fits the description: no fault."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

BOUNDED = settings(
    max_examples=3,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the geometries that are tried
def test_nothing_that_fits_the_description_makes_the_service_fail(client, layer, product):
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    tried = {}
    for result in schema.get_all_operations():
        operation = result.ok()

        @BOUNDED
        @given(case=operation.as_strategy())
        def examine(case):
            # what is there, so that more is tried than ids
            there = {"layer_id": layer["id"], **product}
            for name in set(there) & set(case.path_parameters or {}):
                case.path_parameters[name] = there[name]
            path = case.formatted_path
            parts = case.as_transport_kwargs(base_url="http://127.0.0.1")
            answer = client.request(
                case.method,
                parts["url"],
                params=parts.get("params"),
                json=parts.get("json"),
                headers={k: v for k, v in (case.headers or {}).items() if v.isascii()},
            )
            tried[case.method, path] = answer.status_code
            # not even that the archive does not answer: it does, all the time
            assert answer.status_code < 500, (
                case.method,
                parts["url"],
                parts.get("json"),
                answer.text[:500],
            )

        examine()
    assert len(tried) > 25
    assert set(tried.values()) >= {200, 404, 422}
