#!/usr/bin/env node
// Mints a ticket for a route, as a web application in Node would: mint.mjs KEY_FILE ROUTE [USER]
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

function mint(key, route, user, seconds = 30) {
  const content = { route, exp: Math.floor(Date.now() / 1000) + seconds, id: randomBytes(16).toString("hex") };
  if (user) content.user = user;
  const body = "bt1." + Buffer.from(JSON.stringify(content)).toString("base64url");
  return body + "." + createHmac("sha256", key).update(body).digest("base64url");
}

const [keyFile, route, user] = process.argv.slice(2);
const key = readFileSync(keyFile, "utf8").trim(); // white space around a secret does not count for bascule either
console.log(mint(key, route, user));
