#!/usr/bin/env python3
"""Mints a ticket for a route, as a web application in Python would: mint.py KEY_FILE ROUTE [USER]"""
import base64, hashlib, hmac, json, secrets, sys, time


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mint(key: bytes, route: str, user: str = "", seconds: int = 30) -> str:
    content = {"route": route, "exp": int(time.time()) + seconds, "id": secrets.token_hex(16)}
    if user:
        content["user"] = user
    body = "bt1." + base64url(json.dumps(content).encode())
    return body + "." + base64url(hmac.new(key, body.encode(), hashlib.sha256).digest())


with open(sys.argv[1], "rb") as file:
    key = file.read().strip()  # white space around a secret does not count for bascule either
print(mint(key, *sys.argv[2:4]))
