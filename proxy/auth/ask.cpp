#include "proxy/auth/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace bascule::auth {

using net::Async;
using proof::Presented;
using wire::http::Field;

namespace {

constexpr std::size_t challenge_bytes_max = 1024;

// What we say ourselves, and what is about the connection between the visitor and us (RFC 9110, section 7.6.1) or about
// a body that is not sent: never the visitor's to say to the authorizer.
constexpr std::array<std::string_view, 20> ours{"connection",
                                                "content-length",
                                                "expect",
                                                "forwarded",
                                                "host",
                                                "keep-alive",
                                                "te",
                                                "proxy-connection",
                                                "proxy-authenticate",
                                                "proxy-authorization",
                                                "trailer",
                                                "upgrade",
                                                "transfer-encoding",
                                                "x-forwarded-for",
                                                "x-forwarded-host",
                                                "x-forwarded-method",
                                                "x-forwarded-proto",
                                                "x-forwarded-uri",
                                                "x-original-method",
                                                "x-original-url"};

bool is_ours(std::string_view name) {
  return std::find(ours.begin(), ours.end(), name) != ours.end();
}

std::vector<Field> fields_of(const proof::Ask& ask, const Presented& presented) {
  std::vector<Field> fields;
  for (const Field& field : presented.head->fields) {
    const bool wanted = std::find(ask.pass.begin(), ask.pass.end(), field.name) != ask.pass.end();
    if (wanted && !is_ours(field.name)) { fields.push_back(field); }
  }
  const std::string_view origin = presented.own_origin;
  const std::string scheme(origin.substr(0, origin.find("://")));
  // What is served, not what was written: the target may be a whole URL (RFC 9112, section 3.2.2), and the host is the
  // one by which the route was chosen.
  const std::string uri =
      presented.query.empty() ? std::string(presented.path) : fmt::format("{}?{}", presented.path, presented.query);
  if (presented.client.is_ip()) { fields.push_back({"X-Forwarded-For", presented.client.unmapped().host_text()}); }
  fields.push_back({"X-Forwarded-Method", presented.head->method});
  fields.push_back({"X-Forwarded-Proto", scheme});
  fields.push_back({"X-Forwarded-Host", std::string(presented.host)});
  fields.push_back({"X-Forwarded-Uri", uri});
  fields.push_back({"X-Original-Method", presented.head->method});
  fields.push_back({"X-Original-URL", fmt::format("{}://{}{}", scheme, presented.host, uri)});
  return fields;
}

// By everything that the answer may depend on, and by what is made of it.
std::string digest_of(const Remembered& remembered, const proof::Proof& proof, const std::vector<Field>& fields) {
  const auto& ask = std::get<proof::Ask>(proof.how);
  const std::string url = ask.url.text();
  std::vector<std::string_view> parts{"ask",           proof.name,     url, ask.authorities, ask.user_from,
                                      ask.groups_from, ask.target_from};
  for (const Field& field : fields) {
    parts.push_back(field.name);
    parts.push_back(field.value);
  }
  return remembered.digest(parts);
}

// The fields that its answer must have.
std::string wanted_of(const proof::Ask& ask) {
  if (ask.user_from.empty()) { return ask.target_from; }
  return ask.target_from.empty() ? ask.user_from : fmt::format("{} or {}", ask.user_from, ask.target_from);
}

// The first one, where it can be sent on as it is.
std::string challenge_in(const HttpAnswer& answer) {
  const std::string* challenge = answer.find("www-authenticate");
  if (challenge == nullptr || challenge->size() > challenge_bytes_max) { return {}; }
  const bool clean = std::all_of(challenge->begin(), challenge->end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return clean ? *challenge : std::string();
}

}  // namespace

Async<Asked> ask(HttpClient& client, Remembered& remembered, net::Waiter& waiter,
                 const std::shared_ptr<const proof::Proof>& proof, const Presented& presented, Memory memory,
                 TimePoint deadline) {
  const auto& ask = std::get<proof::Ask>(proof->how);
  HttpClient::Request request;
  request.url = ask.url;
  request.fields = fields_of(ask, presented);
  request.deadline = std::min(waiter.loop().now() + ask.timeout, deadline);
  request.authorities = ask.authorities;
  const std::string digest = digest_of(remembered, *proof, request.fields);
  if (memory == Memory::use && ask.cache > ask.cache.zero()) {
    if (auto known = remembered.find(digest, waiter.loop().now())) {
      known->by = {proof};  // which may be another object since a reload
      co_return AskedYes{std::move(*known)};
    }
  }

  auto answer = co_await client.get(waiter, request);
  if (!answer) { co_return AskedInVain{.why = answer.error().why, .stopped = answer.error().stopped}; }
  const int status = answer->status;
  if (status >= 200 && status < 300) {
    auto identity = proof::identity_of_answer(proof, answer->fields);
    if (!identity) {
      co_return AskedInVain{.why = fmt::format("{}: its answer lacks {}", ask.url.text(), wanted_of(ask)),
                            .stopped = false};
    }
    if (ask.cache > ask.cache.zero()) { remembered.put(digest, *identity, waiter.loop().now() + ask.cache); }
    co_return AskedYes{std::move(*identity)};
  }
  if (status == 401 || status == 403) {
    remembered.forget(digest);  // it may have said yes a moment ago
    co_return AskedNo{.forbidden = status == 403, .challenge = status == 401 ? challenge_in(*answer) : std::string()};
  }
  co_return AskedInVain{.why = fmt::format("{}: answered {}", ask.url.text(), status), .stopped = false};
}

}  // namespace bascule::auth
