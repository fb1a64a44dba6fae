"""From API Gateway's event to a request."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from dealtalk.ingress.http import MAX_BODY, BadRequest, BodyTooLarge, MethodNotAllowed, answer, read_request
from tests.unit.ingress.fakes import KEY, post


def with_method(method: str) -> dict[str, Any]:
    """Return an event of another method than POST."""
    return post(b"", requestContext={"http": {"method": method}})


def test_a_base64_body_is_decoded() -> None:
    """On AWS a form comes in base64: the bytes are what the CRM posted."""
    assert read_request(post("text=да")).body == "text=да".encode()


def test_a_plain_body_is_taken_as_it_is() -> None:
    """`sam local` hands a form plain, whose percent-encoding stays for the form's own decoder."""
    assert read_request(post(b"", body="text=%D0%B4", isBase64Encoded=False)).body == b"text=%D0%B4"


def test_the_string_false_does_not_mean_base64() -> None:
    """Only a true `isBase64Encoded` means base64, not any text that Python holds for true."""
    assert read_request(post(b"", body="abcd", isBase64Encoded="false")).body == b"abcd"


def test_a_missing_body_is_empty() -> None:
    """A POST without a body has no `body` in its event."""
    event = post(b"")
    del event["body"]
    assert read_request(event).body == b""


@pytest.mark.parametrize("body", ["%%%%", "YWJj=ZA==", "YWJ", "YWJj\n", "тест", "=YWJj"])
def test_broken_base64_is_a_bad_request(body: str) -> None:
    """Base64 is read strictly: nothing is guessed."""
    with pytest.raises(BadRequest) as refused:
        read_request(post(b"", body=body))
    assert refused.value.status == 400


def test_a_body_of_exactly_the_limit_is_read() -> None:
    """1 MiB is allowed."""
    assert len(read_request(post(b"a" * MAX_BODY)).body) == MAX_BODY


def test_a_base64_body_over_the_limit_is_too_large() -> None:
    """One byte more than 1 MiB is not, counted after decoding."""
    with pytest.raises(BodyTooLarge):
        read_request(post(b"a" * (MAX_BODY + 1)))


def test_an_encoded_length_over_the_limit_is_refused_before_decoding() -> None:
    """What cannot be short enough is not decoded: its broken base64 is never noticed."""
    with pytest.raises(BodyTooLarge):
        read_request(post(b"", body="%" * (2 * MAX_BODY)))


def test_a_plain_body_over_the_limit_is_too_large() -> None:
    """The limit counts bytes, not characters."""
    with pytest.raises(BodyTooLarge):
        read_request(post(b"", body="я" * (MAX_BODY // 2 + 1), isBase64Encoded=False))


def test_a_lone_surrogate_in_a_plain_body_is_a_bad_request() -> None:
    """An event whose body has no UTF-8 form cannot have been posted."""
    with pytest.raises(BadRequest):
        read_request(post(b"", body="\ud83d", isBase64Encoded=False))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(method: str) -> None:
    """Only POST and probes have an answer."""
    with pytest.raises(MethodNotAllowed):
        read_request(with_method(method))


@pytest.mark.parametrize("method", ["GET", "HEAD", "get"])
def test_a_probes_body_is_not_read(method: str) -> None:
    """A probe carries nothing, whatever it carries."""
    assert read_request(with_method(method) | {"body": "%%%"}).body == b""


@pytest.mark.parametrize("path", [KEY, f"{KEY}/", f"/{KEY}//"])
def test_slashes_around_the_key_do_not_matter(path: str) -> None:
    """The route is greedy, and Kommo asked for a URL that ends in a slash."""
    assert read_request(post(b"", key=path)).connection == KEY


def test_header_names_are_lower_case() -> None:
    """Adapters look signatures up by one spelling."""
    assert read_request(post(b"", headers={"X-Signature": "ab"})).headers == {"x-signature": "ab"}


@pytest.mark.parametrize(
    "event",
    [None, [], "", {}, {"requestContext": None}, {"requestContext": {"http": {}}}, {"requestContext": {"http": 1}}],
)
def test_an_event_of_another_shape_is_a_bad_request(event: object) -> None:
    """Whoever invokes the function with something else gets a refusal, no crash."""
    with pytest.raises(BadRequest):
        read_request(event)


@pytest.mark.parametrize("parameters", [None, {}, {"connection": None}, {"connection": ["a"]}, "a"])
def test_a_missing_path_parameter_is_an_empty_key(parameters: object) -> None:
    """An empty key belongs to nobody."""
    assert read_request(post(b"", pathParameters=parameters)).connection == ""


def test_a_body_that_is_no_text_is_a_bad_request() -> None:
    """API Gateway's body is a text."""
    with pytest.raises(BadRequest):
        read_request(post(b"", body={"a": 1}))


def test_a_requests_repr_shows_neither_key_nor_body() -> None:
    """A request that ends in an exception's text or a log must not give a secret away."""
    shown = repr(read_request(post("text=секрет", headers={"authorization": "Bearer x"})))
    assert KEY not in shown
    assert "Bearer" not in shown
    assert base64.b64encode("секрет".encode()).decode() not in shown
    assert "\\xd1" not in shown


def test_a_405_names_the_allowed_methods() -> None:
    """RFC 9110 asks for it."""
    assert answer(405)["headers"]["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("status", [200, 400, 401, 405, 413, 500])
def test_answers_are_constant_and_tiny(status: int) -> None:
    """An answer tells its status and nothing else."""
    assert len(answer(status)["body"]) < 30
    assert answer(status) == answer(status)
