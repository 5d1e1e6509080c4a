"""What services answer, translated; the texts are as obstore gave them for real answers."""

from __future__ import annotations

import traceback

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from eo_assets.errors import StorageError
from eo_assets.places import object_errors

SIGNED = "http://127.0.0.1/c/key?sv=2020-12-06&sig=c2VjcmV0"


def said(code, message=""):
    return (
        f"Error performing PUT {SIGNED} in 5ms - Server returned non-2xx status code: 403: "
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (PermissionDeniedError(said("ExpiredToken")), "have expired", "Get new ones"),
        (PermissionDeniedError(said("SignatureDoesNotMatch")), "keys are wrong", "Correct AWS_"),
        (PermissionDeniedError(said("QuotaExceeded")), "quota is used up", "Free some space"),
        (PermissionDeniedError(said("RequestTimeTooSkewed")), "clock", "Set it"),
        (PermissionDeniedError(said("AccessDenied")), "access is denied", "Check AWS_"),
        (
            PermissionDeniedError(
                said("AuthenticationFailed", "Signature not valid in the specified time frame")
            ),
            "have expired",
            "Get new ones",
        ),
        (GenericError(said("NoSuchBucket")), "does not exist", "Create it"),
        (GenericError("HTTP error: error sending request"), "does not answer", "AWS_ENDPOINT_URL"),
        (GenericError("HTTP error: builder error"), "without TLS", "AWS_ALLOW_HTTP"),
        (GenericError(said("SlowDown")), r"refuses, GenericError \(SlowDown\)", "log"),
    ],
)
def test_what_a_service_refuses_is_said_with_what_to_do(error, words, remedy):
    with pytest.raises(StorageError, match=words) as caught, object_errors("s3://bucket/key"):
        raise error
    assert "s3://bucket/key cannot be used" in caught.value.problem
    assert remedy in caught.value.remedy
    assert "c2VjcmV0" not in "".join(traceback.format_exception(caught.value))


def test_what_is_not_there_is_no_file_and_a_file_of_this_machine_stays_what_it_is(tmp_path):
    absent = FileNotFoundError(f"Object at location key not found: {SIGNED}")
    with pytest.raises(FileNotFoundError, match="s3://") as caught, object_errors("s3://b/key"):
        raise absent
    assert "c2VjcmV0" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(FileNotFoundError) as caught, object_errors("s3://bucket/key"):
        (tmp_path / "none").read_text()
    assert caught.value.filename == str(tmp_path / "none")
