#!/usr/bin/python3
"""Tokens as Debian's python3-jwt makes them, with keys made for them: one JSON object a line.

    {"name": ..., "algorithm": "RS256", "jwks": {...} or "secret": "...", "token": "..."}
"""

import base64
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLAIMS = {
    "iss": "https://portal.example",
    "aud": ["bascule", "mail"],
    "sub": "ada",
    "exp": int(time.time()) + 3600,
    "realm_access": {"roles": ["staff", "ops"]},
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk_of(key):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers, size = public.public_numbers(), key.key_size // 8
        return {"kty": "EC", "crv": f"P-{key.key_size}", "x": number(numbers.x, size), "y": number(numbers.y, size)}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def main():
    rsa_key = rsa.generate_private_key(65537, 2048)
    keys = {
        "RS256": rsa_key,
        "PS256": rsa_key,
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    for algorithm, key in keys.items():
        kid = f"python {algorithm}"
        print(json.dumps({
            "name": kid,
            "algorithm": algorithm,
            "jwks": {"keys": [{**jwk_of(key), "kid": kid, "use": "sig", "alg": algorithm}]},
            "token": jwt.encode(CLAIMS, key, algorithm, headers={"kid": kid}),
        }))
    secret = secrets.token_hex(32)
    print(json.dumps({
        "name": "python HS256",
        "algorithm": "HS256",
        "secret": secret,
        "token": jwt.encode(CLAIMS, secret, "HS256"),
    }))


main()
