"""Signatures of eBay's notifications: ECDSA over SHA-1 of the body, in a base64 JSON header that names the key."""

from __future__ import annotations

import base64
import json
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.wire import Json


class SigningKey:
    """The key pair the notifications are signed with, and a second one for forgeries."""

    def __init__(self) -> None:
        self.kid = str(uuid.uuid4())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._forger = ec.generate_private_key(ec.SECP256R1())

    def header(self, body: bytes, *, forged: bool = False) -> str:
        """The value of X-EBAY-SIGNATURE. A forged one is made with another key under the same id."""
        key = self._forger if forged else self._key
        signature = key.sign(body, ec.ECDSA(hashes.SHA1()))
        content = {
            "alg": "ecdsa",
            "kid": self.kid,
            "signature": base64.b64encode(signature).decode(),
            "digest": "SHA1",
        }
        return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()

    def public(self) -> Json:
        """What `public_key/{kid}` answers: the PEM on one line."""
        pem = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {"algorithm": "ECDSA", "digest": "SHA1", "key": pem.decode().replace("\n", "")}

    def as_json(self) -> Json:
        """The form that is kept."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {"kid": self.kid, "pem": pem.decode()}

    def restore(self, document: Json) -> None:
        """Takes up the key of an earlier run."""
        key = serialization.load_pem_private_key(document["pem"].encode(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            self.kid, self._key = document["kid"], key
