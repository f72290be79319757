"""Webhook signatures as the platforms document them."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox.amazon.signatures import read_proof, signature
from sandbox.ebay.signing import SigningKey
from sandbox.ecwid.events import sign


def _verify(key: SigningKey, header: str, body: bytes) -> None:
    text = key.public()["key"]
    pem = text.replace("-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n")
    pem = pem.replace("-----END PUBLIC KEY-----", "\n-----END PUBLIC KEY-----")
    public = load_pem_public_key(pem.encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    content = json.loads(base64.b64decode(header))
    assert content["kid"] == key.kid
    assert content["digest"] == "SHA1"
    public.verify(base64.b64decode(content["signature"]), body, ec.ECDSA(hashes.SHA1()))


def test_ebay_signature_verifies_with_the_published_one_line_key() -> None:
    key = SigningKey()
    assert "\n" not in key.public()["key"]
    _verify(key, key.header(b"body"), b"body")


def test_ebay_forgery_and_changed_body_do_not_verify() -> None:
    key = SigningKey()
    with pytest.raises(InvalidSignature):
        _verify(key, key.header(b"body", forged=True), b"body")
    with pytest.raises(InvalidSignature):
        _verify(key, key.header(b"body"), b"other")


def test_ebay_key_outlives_a_restart() -> None:
    key, again = SigningKey(), SigningKey()
    again.restore(key.as_json())
    assert again.kid == key.kid
    _verify(again, key.header(b"body"), b"body")


def test_ecwid_signature_is_hmac_of_time_and_id() -> None:
    # echo -n '1469429912.08a78904' | openssl dgst -sha256 -hmac abc -binary | base64
    assert sign(1469429912, "08a78904", "abc") == "4mfnUJ3/T1/5sV96c0KMudwCssG0KWQghlNfzsd/8ow="
    assert sign(1, "a") != sign(1, "b")
    assert len(base64.b64decode(sign(1, "a"))) == 32


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # `get-vanilla` and `post-vanilla` of the test suite that AWS publishes.
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_aws_signature_is_that_of_the_published_examples(method: str, expected: str) -> None:
    scope = "20150830/us-east-1/service/aws4_request"
    found = signature(
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        scope,
        method=method,
        path="/",
        raw_query="",
        headers={"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z"},
        signed_headers=("host", "x-amz-date"),
        body=b"",
    )
    assert found == expected
    header = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=host;x-amz-date, Signature={found}"
    proof = read_proof(header)
    assert proof is not None
    assert (proof.access_key_id, proof.signed_headers, proof.signature) == (
        "AKIDEXAMPLE",
        ("host", "x-amz-date"),
        found,
    )
    assert read_proof("Bearer x") is None
